"""What a plugin prints while it runs goes to the log, a line each, with the plugin's name."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import Any, Final, TextIO

LONGEST_LINE: Final = 8192
"""A line without an end is passed on in pieces of so many characters."""

Sink = Callable[[str, str], None]
"""Takes a plugin's name and one line without its end."""


class Speaker:
    """Whoever prints in one thread: the plugin that runs there.

    Args:
        name: says the plugin's name at the moment it prints.
    """

    __slots__ = ("name", "unfinished")

    def __init__(self, name: Callable[[], str]) -> None:
        self.name = name
        self.unfinished: dict[object, str] = {}
        """the beginning of a line whose end has not come yet, by stream"""


class Output:
    """Takes the place of `sys.stdout` and `sys.stderr` while plugins run.

    What a thread prints in which no plugin runs goes where it went before.

    Args:
        sink: takes each line.
    """

    __slots__ = ("_stderr", "_stdout", "sink", "speakers")

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self.speakers: dict[int, Speaker] = {}
        """who prints in which thread"""
        self._stdout = _Stream(self, sys.stdout)
        self._stderr = _Stream(self, sys.stderr)

    def begin(self, speaker: Speaker) -> None:
        """Take the place of both streams for what this thread prints."""
        self.speakers[get_ident()] = speaker
        if sys.stdout is not self._stdout:
            self._stdout.outside, sys.stdout = _outermost(sys.stdout), self._stdout
        if sys.stderr is not self._stderr:
            self._stderr.outside, sys.stderr = _outermost(sys.stderr), self._stderr

    def end(self, speaker: Speaker) -> None:
        """Pass on unfinished lines, and give the place back when nobody needs it any more."""
        if speaker.unfinished:
            for line in speaker.unfinished.values():
                self.sink(speaker.name(), line)
            speaker.unfinished.clear()
        self.speakers.pop(get_ident(), None)
        if not self.speakers:
            sys.stdout, sys.stderr = self._stdout.outside, self._stderr.outside

    @contextmanager
    def capture(self, plugin: str) -> Iterator[None]:
        """Capture what one plugin prints outside an attempt, as in its `configure`.

        Args:
            plugin: its name.
        """
        speaker = Speaker(lambda: plugin)
        self.begin(speaker)
        try:
            yield
        finally:
            self.end(speaker)


def _outermost(stream: TextIO) -> TextIO:
    """Find the stream behind those of other hosts in the same program."""
    return stream.outside if isinstance(stream, _Stream) else stream


class _Stream(io.TextIOBase):
    """One of the two streams."""

    encoding = "utf-8"
    errors = "backslashreplace"

    def __init__(self, output: Output, outside: TextIO) -> None:
        self.outside = _outermost(outside)
        self.buffer = _Bytes(self)
        self._output = output

    def write(self, text: str) -> int:
        speaker = self._output.speakers.get(get_ident())
        if speaker is None:
            return self.outside.write(text)
        *lines, rest = (speaker.unfinished.pop(self, "") + text).split("\n")
        while len(rest) > LONGEST_LINE:
            lines.append(rest[:LONGEST_LINE])
            rest = rest[LONGEST_LINE:]
        if rest:
            speaker.unfinished[self] = rest
        for line in lines:
            self._output.sink(speaker.name(), line)
        return len(text)

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
