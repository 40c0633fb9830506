"""What a plugin prints while it runs goes to the log, a line each, with the plugin's name."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import get_ident
from typing import Any, Final

LONGEST_LINE: Final = 8192
"""A line without an end is passed on in pieces of so many characters."""

Sink = Callable[[str, str], None]
"""Takes a plugin's name and one line without its end."""


class Output:
    """Takes the place of `sys.stdout` and `sys.stderr` while a plugin runs.

    What another thread of the program prints meanwhile goes where it went before.

    Args:
        sink: takes each line.
        plugin: says the name of the plugin that runs, at the moment it prints.
        stays: whether our streams stay in place between two runs, letting all through, which is
            cheaper; `give_back` then ends it.
    """

    __slots__ = (
        "_err",
        "_found",
        "_home",
        "_out",
        "_stands",
        "_stays",
        "alone",
        "outside",
        "plugin",
        "sink",
        "thread",
        "unfinished",
    )

    def __init__(self, sink: Sink, plugin: Callable[[], str], *, stays: bool = False) -> None:
        self.sink = sink
        self.plugin = plugin
        self.thread = 0
        """the thread in which the plugin runs; 0 while none does"""
        self.alone = True
        """whether no stream of another thread stood there when ours took the place"""
        self.outside: tuple[Any, Any] = (sys.stdout, sys.stderr)
        """the streams in whose place ours stand"""
        self.unfinished: dict[object, tuple[str, str]] = {}
        """by stream who began a line whose end has not come yet, and its beginning"""
        self._out, self._err = _Stream(self, 0), _Stream(self, 1)
        self._stays = stays
        self._stands = False
        self._found: tuple[Any, Any] | None = None
        self._home = self.outside

    def begin(self) -> None:
        """Take the place of both streams for what this thread prints."""
        if sys.stdout is not self._out or sys.stderr is not self._err:
            self._take_the_place()
        self.thread = get_ident()

    def end(self) -> None:
        """Let through what is printed from now on, and pass on unfinished lines."""
        self.thread = 0
        if self._found is not None:
            self._leave()
        elif not self._stays or sys.stdout is not self._out or sys.stderr is not self._err:
            self.give_back()
        if self.unfinished:
            for plugin, line in self.unfinished.values():
                self.sink(plugin, line)
            self.unfinished.clear()

    def give_back(self) -> None:
        """Give the place back to the streams that were there."""
        self._stands = False
        if self.alone and sys.stdout is self._out and sys.stderr is self._err:
            sys.stdout, sys.stderr = self.outside
        else:
            self._give_back_among_others()

    def _take_the_place(self) -> None:
        out, err = sys.stdout, sys.stderr
        if self._stands and not (type(out) is _Stream and type(err) is _Stream):
            self._visit(out, err)
            return
        self._stands = self._stays
        if type(out) is _Stream or type(err) is _Stream:
            self._begin_among_others()
            return
        self.alone, self.outside = True, (out, err)
        sys.stdout, sys.stderr = self._out, self._err

    def _visit(self, out: Any, err: Any) -> None:
        """Stand for one run before streams that the program has put there, as a redirection does.

        It may hold ours, to put them back in their place; so theirs must not become our outside.
        """
        self._found = (out, err)
        self._home = self.outside
        self.outside = (
            self._home[0] if type(out) is _Stream else out,
            self._home[1] if type(err) is _Stream else err,
        )
        sys.stdout, sys.stderr = self._out, self._err

    def _leave(self) -> None:
        """End such a visit."""
        if self._found is not None:
            sys.stdout, sys.stderr = self._found
            self.outside, self._found = self._home, None

    def _begin_among_others(self) -> None:
        """Stand in front of another thread's streams, or go on behind them."""
        self.alone = False
        out, err = self._out, self._err
        if not _leads_to(out, sys.stdout):
            self.outside, sys.stdout = (sys.stdout, self.outside[1]), out
        if not _leads_to(err, sys.stderr):
            self.outside, sys.stderr = (self.outside[0], sys.stderr), err

    def _give_back_among_others(self) -> None:
        """Give the place back, or stay behind another thread's streams and let all through."""
        out, err = self._out, self._err
        if sys.stdout is out or type(sys.stdout) is not _Stream:
            sys.stdout = _needed(self.outside[0])
        if sys.stderr is err or type(sys.stderr) is not _Stream:
            sys.stderr = _needed(self.outside[1])

    def take(self, stream: object, text: str) -> None:
        """Take what the plugin prints to one of the two streams, and pass on whole lines."""
        plugin = self.plugin()
        begun_by, beginning = self.unfinished.pop(stream, (plugin, ""))
        if begun_by != plugin:
            self._pass_on(begun_by, [beginning])
            beginning = ""
        *lines, rest = (beginning + text).split("\n")
        while len(rest) > LONGEST_LINE:
            lines.append(rest[:LONGEST_LINE])
            rest = rest[LONGEST_LINE:]
        if rest:
            self.unfinished[stream] = (plugin, rest)
        self._pass_on(plugin, lines)

    def _pass_on(self, plugin: str, lines: list[str]) -> None:
        """Pass on lines; what the log writes to our streams meanwhile goes outside.

        A plugin may have made `sys.stderr` a sink of the very logger that we pass them on to.
        """
        thread, self.thread = self.thread, 0
        try:
            for line in lines:
                self.sink(plugin, line)
        finally:
            self.thread = thread


def _leads_to(own: _Stream, stream: object) -> bool:
    """Say whether what is written to a stream comes to ours, behind those of other threads."""
    while type(stream) is _Stream:
        if stream is own:
            return True
        stream = stream.outside
    return False


def _needed(stream: Any) -> Any:
    """Find the first stream that is not merely left over from a thread that has ended."""
    while isinstance(stream, _Stream) and stream.idle:
        stream = stream.outside
    return stream


def capturing(sink: Sink) -> Callable[[str], AbstractContextManager[None]]:
    """Make a context manager that captures what one plugin prints outside an attempt.

    Args:
        sink: takes each line.

    Returns:
        A function from a plugin's name to the context manager, for an import or a `configure`.
    """

    @contextmanager
    def capture(plugin: str) -> Iterator[None]:
        output = Output(sink, lambda: plugin)
        output.begin()
        try:
            yield
        finally:
            output.end()

    return capture


class _Stream(io.TextIOBase):
    """One of the two streams; while no plugin runs it is like the one outside."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, output: Output, which: int) -> None:
        self.buffer = _Bytes(self)
        self._output = output
        self._which = which

    def __getattr__(self, name: str) -> Any:
        """Give what only the stream outside has, as its `reconfigure`."""
        return getattr(self.outside, name)

    @property
    def outside(self) -> Any:
        """The stream in whose place this one stands."""
        return self._output.outside[self._which]

    @property
    def idle(self) -> bool:
        """Whether no plugin runs whose output it takes."""
        return self._output.thread == 0

    @property
    def passes(self) -> bool:
        """Whether what this thread writes goes on to the stream outside."""
        return self._output.thread != get_ident()

    def write(self, text: str) -> int:
        if self.passes:
            return self.outside.write(text) if self.outside is not None else len(text)
        self._output.take(self, text)
        return len(text)

    def flush(self) -> None:
        if self.passes and self.outside is not None:
            self.outside.flush()

    def isatty(self) -> bool:
        return self.passes and self.outside is not None and bool(self.outside.isatty())

    def fileno(self) -> int:
        return int(self.outside.fileno()) if self.outside is not None else super().fileno()

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Stay open: a plugin that closes its output must not break the next one's."""


class _Bytes(io.RawIOBase):
    """The binary side of a stream, for plugins that write to `sys.stdout.buffer`."""

    def __init__(self, text: _Stream) -> None:
        self._text = text

    def write(self, data: Any) -> int:
        outside = getattr(self._text.outside, "buffer", None) if self._text.passes else None
        if outside is not None:
            return int(outside.write(data))
        raw = bytes(data)
        self._text.write(raw.decode("utf-8", "backslashreplace"))
        return len(raw)

    def flush(self) -> None:
        self._text.flush()

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Stay open, as the text side does."""
