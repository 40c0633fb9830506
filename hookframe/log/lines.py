"""What plugins print, cut into lines, as many of them as a plugin may print in a second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hookframe.log.rate import LineLimit

LONGEST_LINE: Final = 8192
"""A longer line is passed on in pieces of so many characters."""

Sink = Callable[[str, str], None]
"""Takes a plugin's name and one line without its end."""


class Lines:
    """The lines of several streams.

    However much is printed, it holds no more than one unfinished line of each stream. What is over
    the limit is left out up to the end of its line, and costs no more than to look for that end.

    Args:
        sink: takes each line.
        limit: says how many there may be.
    """

    __slots__ = ("_limit", "_sink", "_unfinished", "printed", "unsettled")

    def __init__(self, sink: Sink, limit: LineLimit) -> None:
        self._sink = sink
        self._limit = limit
        self._unfinished: dict[object, tuple[str, str | None]] = {}
        """by stream who began a line, and its beginning; None where the line is left out"""
        self.unsettled = False
        """whether a line may be unfinished, or something left out that has not been said"""
        self.printed = False
        """whether something has been printed since it was settled last"""

    def take(self, plugin: str, stream: object, text: str) -> None:
        """Take what a plugin prints to a stream, and pass on whole lines."""
        if not text:
            return
        author, beginning = self._unfinished.pop(stream, (plugin, ""))
        self.unsettled = self.printed = True
        if author != plugin:
            self._finish(author, beginning)
            beginning = ""
        start = 0
        if beginning is None:
            start = text.find("\n") + 1
            if not start:
                self._unfinished[stream] = (plugin, None)
                return
            self._limit.leave_out(plugin, 1)
            beginning = ""
        if start < len(text):
            if beginning or not self._limit.is_full(plugin):
                self._emit(plugin, stream, beginning, text, start)
            else:
                self._leave_out(plugin, stream, text, start)

    def leaves_out(self, plugin: str, stream: object) -> bool:
        """Say whether what a plugin prints next to a stream is left out."""
        author, beginning = self._unfinished.get(stream, (plugin, None))
        return author == plugin and beginning is None and self._limit.is_full(plugin)

    def leave_out(self, plugin: str, stream: object, text: str) -> None:
        """Count the lines of a text and pass none on; `leaves_out` has said so."""
        self.unsettled = self.printed = True
        self._leave_out(plugin, stream, text, 0)

    def left_out(self, stream: object, plugin: str, lines: int, begun: bool) -> None:
        """Take note of what has been left out elsewhere.

        Args:
            stream: the stream.
            plugin: the plugin's name.
            lines: how many lines have ended.
            begun: whether one more has begun.
        """
        self._limit.leave_out(plugin, lines)
        if begun:
            self._unfinished[stream] = (plugin, None)
        else:
            self._unfinished.pop(stream, None)

    def settle(self) -> None:
        """Pass on what is unfinished, and say what was left out if it is time."""
        self.printed = False
        if self._unfinished:
            unfinished, self._unfinished = self._unfinished, {}
            for plugin, line in unfinished.values():
                self._finish(plugin, line)
        self.unsettled = self._limit.report_dropped()

    def _emit(self, plugin: str, stream: object, beginning: str, text: str, start: int) -> None:
        """Pass on the lines of a text from one place on, and keep the beginning of the last one."""
        while start < len(text):
            longest = start + LONGEST_LINE - len(beginning)
            end = text.find("\n", start, longest + 1)
            if end < 0 and len(text) <= longest:
                self._unfinished[stream] = (plugin, beginning + text[start:])
                return
            if not self._limit.admits(plugin):
                self._leave_out(plugin, stream, text, start)
                return
            stop = longest if end < 0 else end
            self._sink(plugin, beginning + text[start:stop])
            start, beginning = max(stop, end + 1), ""

    def _leave_out(self, plugin: str, stream: object, text: str, start: int) -> None:
        """Count the lines of a text from one place on, and pass none on."""
        self.left_out(stream, plugin, text.count("\n", start), not text.endswith("\n"))

    def _finish(self, plugin: str, line: str | None) -> None:
        """Pass on a line that has no end, unless it is left out."""
        if line is not None and self._limit.admits(plugin):
            self._sink(plugin, line)
        else:
            self._limit.leave_out(plugin, 1)
