"""Streams that replace standard output and standard error while a plugin runs."""

from __future__ import annotations

import io
from threading import get_ident
from typing import Any, Final, Protocol

from hookframe.log.mute import Mark, Mute

HOLDER: Final = -1
"""The thread that holds the host's lock; it is identified when it prints."""


class Owner(Protocol):
    """The owner of a pair of streams: takes what a plugin prints."""

    thread: int
    """the thread in which the plugin runs, or `HOLDER`; 0 while none does"""
    outside: tuple[Any, Any]
    """the streams that the pair replaces"""

    def is_holder(self) -> bool:
        """Return whether this thread is the `HOLDER`, while `thread` is that."""

    def take(self, stream: Stream, text: str) -> None:
        """Take text that the plugin prints to one of the two."""

    def take_bytes(self, stream: Stream, data: memoryview) -> None:
        """Take bytes that the plugin writes to the binary side of one of the two."""


class Stream(io.TextIOBase):
    """One of the two streams; while no plugin runs it passes everything to the replaced one."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, owner: Owner, which: int) -> None:
        self.buffer = _Bytes(self)
        self._owner = owner
        self._which = which
        self._mute: Mute | None = None

    def __getattr__(self, name: str) -> Any:
        """Return an attribute that only the replaced stream has, as `reconfigure`."""
        return getattr(self.outside, name)

    @property
    def outside(self) -> Any:
        """The stream that this one replaces."""
        return self._owner.outside[self._which]

    @property
    def idle(self) -> bool:
        """Whether no plugin of its owner runs."""
        return self._owner.thread == 0

    @property
    def passes(self) -> bool:
        """Whether the output of this thread goes to the replaced stream."""
        owner = self._owner
        return owner.thread != get_ident() and not (owner.thread == HOLDER and owner.is_holder())

    def write(self, text: str) -> int:
        if self.passes:
            return self.outside.write(text) if self.outside is not None else len(text)
        if type(text) is not str:
            text = _to_plain_string(text)
        self._owner.take(self, text)
        return len(text)

    def mute(self, plugin: str, mark: Mark, until: float) -> None:
        """Drop what is written from now on; the arguments are those of `Mute`."""
        self._mute = Mute(plugin, self.write, mark, until)
        self.__dict__["write"] = self._mute.write

    def unmute(self) -> tuple[str, int, bool] | None:
        """Stop dropping; return what `Mute.end` returns, None if the stream was not muted."""
        mute, self._mute = self._mute, None
        if mute is None:
            return None
        del self.__dict__["write"]
        return mute.end()

    def write_bytes(self, data: Any) -> int:
        """Take bytes that a plugin writes to the binary side; return their number."""
        with memoryview(data) as view, view.cast("B") as octets:
            self._owner.take_bytes(self, octets)
            return len(octets)

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
        """Do nothing: a plugin that closes its output must not break the next one's."""


def _to_plain_string(text: object) -> str:
    """Convert an instance of a subclass of str, which may override any method."""
    if not isinstance(text, str):
        raise TypeError(f"write() argument must be str, not {type(text).__name__}")
    return str.__str__(text)


class _Bytes(io.RawIOBase):
    """The binary side of a stream, for plugins that write to `sys.stdout.buffer`."""

    def __init__(self, text: Stream) -> None:
        self._text = text

    def write(self, data: Any) -> int:
        if not self._text.passes:
            return self._text.write_bytes(data)
        outside = getattr(self._text.outside, "buffer", None)
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
        """Do nothing, as on the text side."""


def is_behind(own: Stream, stream: object) -> bool:
    """Return whether a stream leads to `own`, through those of other threads."""
    while type(stream) is Stream:
        if stream is own:
            return True
        stream = stream.outside
    return False


def find_stream_in_use(stream: Any) -> Any:
    """Return the first stream behind this one that is not left over from a finished run."""
    while isinstance(stream, Stream) and stream.idle:
        stream = stream.outside
    return stream
