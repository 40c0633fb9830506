"""Capture of what a plugin prints while it runs, for the log."""

from __future__ import annotations

import sys
from codecs import getincrementaldecoder
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final

from hookframe.log.lines import Lines, Sink
from hookframe.log.mute import Mark
from hookframe.log.rate import LineLimit
from hookframe.log.stream import HOLDER, Stream, find_stream_in_use, is_behind

if TYPE_CHECKING:
    from threading import RLock

_PIECE: Final = 65536
"""Bytes are decoded in pieces of this size."""


class Output:
    """The replacement of `sys.stdout` and `sys.stderr` while a plugin runs.

    Output of other threads still goes to the replaced streams.

    Args:
        sink: takes each line.
        plugin: returns the name of the running plugin, at the moment it prints.
        limit: the limit of lines per second; None for no limit.
        mark: returns a callable whose value changes when another plugin runs; None if there is
            none, and then nothing is muted.
        lock: a reentrant lock that the plugin's thread holds, for `HOLDER`.
        permanent: whether the streams stay in place between two runs, passing everything, which
            is cheaper; `uninstall` then removes them.
    """

    __slots__ = (
        "_err",
        "_found",
        "_home",
        "_installed",
        "_limit",
        "_lines",
        "_lock",
        "_mark",
        "_out",
        "_permanent",
        "_plugin",
        "alone",
        "outside",
        "thread",
        "unsettled",
    )

    def __init__(
        self,
        sink: Sink,
        plugin: Callable[[], str],
        limit: LineLimit | None = None,
        mark: Callable[[], Mark | None] = lambda: None,
        *,
        lock: RLock | None = None,
        permanent: bool = False,
    ) -> None:
        self._lock = lock
        self._plugin = plugin
        self._mark = mark
        self._limit = limit or LineLimit(lambda *_: None)
        self._lines = Lines(sink, self._limit)
        self.thread = 0
        """the thread in which the plugin runs, or `HOLDER`; 0 while none does"""
        self.alone = True
        """whether no stream of another thread was in place when ours was installed"""
        self.unsettled = not permanent
        """whether `end` has to do more than check that our streams are still in place"""
        self.outside: tuple[Any, Any] = (sys.stdout, sys.stderr)
        """the streams that ours replace"""
        self._out, self._err = Stream(self, 0), Stream(self, 1)
        self._permanent = permanent
        self._installed = False
        self._found: tuple[Any, Any] | None = None
        self._home = self.outside

    @property
    def streams(self) -> tuple[Stream, Stream]:
        """The two streams that replace standard output and standard error."""
        return self._out, self._err

    def begin(self) -> None:
        """Start to capture what this thread prints."""
        if sys.stdout is not self._out or sys.stderr is not self._err:
            self.install()
        self.thread = get_ident()

    def end(self) -> None:
        """Stop capturing, and pass on unfinished lines."""
        self.thread = 0
        if self._found is not None:
            self._uninstall_from_redirection()
        elif not self._permanent or sys.stdout is not self._out or sys.stderr is not self._err:
            self.uninstall()
        if self._lines.unsettled:
            if self._lines.printed:
                self._unmute(self._out)
                self._unmute(self._err)
            self._lines.settle()
        self.unsettled = self._lines.unsettled or not self._permanent

    def is_holder(self) -> bool:
        """Return whether this thread is the `HOLDER`, while `thread` is that."""
        # A thread that gets the lock at once either holds it, or the attempt has just ended.
        if self._lock is None or not self._lock.acquire(blocking=False):
            return False
        try:
            return self.thread == HOLDER
        finally:
            self._lock.release()

    def uninstall(self) -> None:
        """Restore the replaced streams."""
        self._installed = False
        if self.alone and sys.stdout is self._out and sys.stderr is self._err:
            sys.stdout, sys.stderr = self.outside
        else:
            self._uninstall_among_threads()

    def install(self) -> None:
        """Replace the program's current streams by ours."""
        out, err = sys.stdout, sys.stderr
        if self._installed and not (type(out) is Stream and type(err) is Stream):
            self._install_over_redirection(out, err)
            return
        self._installed = self._permanent
        if type(out) is Stream or type(err) is Stream:
            self._install_among_threads()
            return
        self.alone, self.outside = True, (out, err)
        sys.stdout, sys.stderr = self._out, self._err

    def _install_over_redirection(self, out: Any, err: Any) -> None:
        """Replace streams that the program has installed over ours, for one run."""
        # A redirection may keep our streams and restore them later, so its own streams must not
        # become `outside` for longer.
        self._found, self.unsettled = (out, err), True
        self._home = self.outside
        self.outside = (
            self._home[0] if type(out) is Stream else out,
            self._home[1] if type(err) is Stream else err,
        )
        sys.stdout, sys.stderr = self._out, self._err

    def _uninstall_from_redirection(self) -> None:
        """Restore the streams that `_install_over_redirection` replaced."""
        if self._found is not None:
            sys.stdout, sys.stderr = self._found
            self.outside, self._found = self._home, None

    def _install_among_threads(self) -> None:
        """Replace another thread's streams, unless ours are already behind them."""
        self.alone = False
        out, err = self._out, self._err
        if not is_behind(out, sys.stdout):
            self.outside, sys.stdout = (sys.stdout, self.outside[1]), out
        if not is_behind(err, sys.stderr):
            self.outside, sys.stderr = (self.outside[0], sys.stderr), err

    def _uninstall_among_threads(self) -> None:
        """Restore the replaced streams, or stay behind another thread's streams."""
        out, err = self._out, self._err
        if sys.stdout is out or type(sys.stdout) is not Stream:
            sys.stdout = find_stream_in_use(self.outside[0])
        if sys.stderr is err or type(sys.stderr) is not Stream:
            sys.stderr = find_stream_in_use(self.outside[1])

    def take(self, stream: Stream, text: str) -> None:
        """Take text that the plugin prints to one of the two streams, and pass on whole lines."""
        self._unmute(stream)
        self.unsettled = True
        plugin = self._plugin()
        # A plugin may have made `sys.stderr` a sink of the logger that writes these lines; with
        # thread 0 its output goes to the replaced stream.
        thread, self.thread = self.thread, 0
        try:
            self._lines.take(plugin, stream, text)
        finally:
            self.thread = thread
        if self._lines.leaves_out(plugin, stream):
            self._mute(stream, plugin)

    def _mute(self, stream: Stream, plugin: str) -> None:
        """Drop what the plugin prints to a stream, until its second is over."""
        mark = self._mark()
        if mark is not None:
            stream.mute(plugin, mark, self._limit.resumes_at(plugin))

    def _unmute(self, stream: Stream) -> None:
        """Stop dropping, and count what was dropped."""
        left_out = stream.unmute()
        if left_out is not None:
            self._lines.left_out(stream, *left_out)

    def take_bytes(self, stream: Stream, data: memoryview) -> None:
        """Take bytes that the plugin prints, in pieces of limited size."""
        self._unmute(stream)
        self.unsettled = True
        decoder = getincrementaldecoder("utf-8")("backslashreplace")
        for start in range(0, len(data), _PIECE):
            piece = bytes(data[start : start + _PIECE])
            plugin = self._plugin()
            if self._lines.leaves_out(plugin, stream):
                decoder.reset()
                self._lines.leave_out(plugin, stream, piece.decode("latin-1"))
            else:
                self.take(stream, decoder.decode(piece, final=start + _PIECE >= len(data)))


def is_capturing() -> bool:
    """Return whether what this thread prints to standard error is captured for a plugin."""
    stream = sys.stderr
    return type(stream) is Stream and not stream.passes


def make_capture(
    sink: Sink, limit: LineLimit | None = None
) -> Callable[[str], AbstractContextManager[None]]:
    """Make a context manager that captures what one plugin prints outside an attempt.

    Args:
        sink: takes each line.
        limit: the limit of lines per second; None for no limit.

    Returns:
        A function from a plugin's name to the context manager, for an import or a `configure`.
    """

    @contextmanager
    def capture(plugin: str) -> Iterator[None]:
        output = Output(sink, lambda: plugin, limit, lambda: int)
        output.begin()
        try:
            yield
        finally:
            output.end()

    return capture
