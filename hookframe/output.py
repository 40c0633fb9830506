"""What a plugin prints while it runs goes to the log, a line each, with the plugin's name."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from threading import get_ident
from typing import Any, Final, TextIO, cast

LONGEST_LINE: Final = 8192
"""A line without an end is passed on in pieces of so many characters."""

_ORIGINAL: Final = (lambda: sys.__stdout__, lambda: sys.__stderr__)

Sink = Callable[[str, str], None]
"""Takes a plugin's name and one line without its end."""


class Output:
    """Takes the place of `sys.stdout` and `sys.stderr` while a plugin runs.

    What another thread of the program prints meanwhile goes where it went before.

    Args:
        sink: takes each line.
        plugin: says the name of the plugin that runs, at the moment it prints.
    """

    __slots__ = ("_streams", "outside", "plugin", "sink", "thread", "unfinished")

    def __init__(self, sink: Sink, plugin: Callable[[], str]) -> None:
        self.sink = sink
        self.plugin = plugin
        self.thread = 0
        """the thread in which the plugin runs; 0 while none does"""
        self.outside: tuple[TextIO, TextIO] = (sys.stdout, sys.stderr)
        """the streams in whose place ours stand"""
        self.unfinished: dict[object, str] = {}
        """the beginning of a line whose end has not come yet, by stream"""
        self._streams = (_Stream(self, 0), _Stream(self, 1))

    def begin(self) -> None:
        """Take the place of both streams for what this thread prints."""
        self.outside = (sys.stdout, sys.stderr)
        sys.stdout, sys.stderr = self._streams
        self.thread = get_ident()

    def end(self) -> None:
        """Give the place back, and pass on unfinished lines."""
        self.thread = 0
        sys.stdout, sys.stderr = self.outside
        if self.unfinished:
            self._finish()

    def _finish(self) -> None:
        for line in self.unfinished.values():
            self.sink(self.plugin(), line)
        self.unfinished.clear()


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
    """One of the two streams."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, output: Output, which: int) -> None:
        self.buffer = _Bytes(self)
        self._output = output
        self._which = which

    def write(self, text: str) -> int:
        output = self._output
        if output.thread != get_ident():
            return self.behind().write(text)
        *lines, rest = (output.unfinished.pop(self, "") + text).split("\n")
        while len(rest) > LONGEST_LINE:
            lines.append(rest[:LONGEST_LINE])
            rest = rest[LONGEST_LINE:]
        if rest:
            output.unfinished[self] = rest
        for line in lines:
            output.sink(output.plugin(), line)
        return len(text)

    def behind(self) -> TextIO:
        """Find the program's own stream, behind those that other threads have put in its place."""
        stream: object = self._output.outside[self._which]
        if stream is self:
            return _ORIGINAL[self._which]() or io.StringIO()
        return stream.behind() if isinstance(stream, _Stream) else cast("TextIO", stream)

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Stay open: a plugin that closes its output must not break the next one's."""


class _Bytes(io.RawIOBase):
    """The binary side of a stream, for plugins that write to `sys.stdout.buffer`."""

    def __init__(self, text: _Stream) -> None:
        self._text = text

    def write(self, data: Any) -> int:
        raw = bytes(data)
        self._text.write(raw.decode("utf-8", "backslashreplace"))
        return len(raw)

    def writable(self) -> bool:
        return True

    def close(self) -> None:
        """Stay open, as the text side does."""
