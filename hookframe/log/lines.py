"""Printed text of plugins, split into lines and limited per second."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from hookframe.log.rate import LineLimit

LONGEST_LINE: Final = 8192
"""A longer line is logged in pieces of this many characters."""

Sink = Callable[[str, str], None]
"""A function of a plugin's name and one line without its end."""


class Lines:
    """The lines of several streams.

    At most one unfinished line of each stream is held in memory. Lines over the limit are dropped
    as a whole.

    Args:
        sink: takes each line.
        limit: the limit of lines per second.
    """

    __slots__ = ("_limit", "_sink", "_unfinished", "printed", "unsettled")

    def __init__(self, sink: Sink, limit: LineLimit) -> None:
        self._sink = sink
        self._limit = limit
        self._unfinished: dict[object, tuple[str, str | None]] = {}
        """by stream: the plugin that began a line, and its beginning; None if it is dropped"""
        self.unsettled = False
        """whether a line may be unfinished, or dropped lines are not reported yet"""
        self.printed = False
        """whether anything was printed since the last `settle`"""

    def take(self, plugin: str, stream: object, text: str) -> None:
        """Take printed text, and pass complete lines to the sink."""
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
        """Return whether the next text that a plugin prints to a stream is dropped."""
        author, beginning = self._unfinished.get(stream, (plugin, None))
        return author == plugin and beginning is None and self._limit.is_full(plugin)

    def leave_out(self, plugin: str, stream: object, text: str) -> None:
        """Drop a text and count its lines, after `leaves_out` has returned true."""
        self.unsettled = self.printed = True
        self._leave_out(plugin, stream, text, 0)

    def left_out(self, stream: object, plugin: str, lines: int, begun: bool) -> None:
        """Record text that was dropped elsewhere.

        Args:
            stream: the stream.
            plugin: the plugin's name.
            lines: the number of finished lines.
            begun: whether an unfinished line follows.
        """
        self._limit.leave_out(plugin, lines)
        if begun:
            self._unfinished[stream] = (plugin, None)
        else:
            self._unfinished.pop(stream, None)

    def settle(self) -> None:
        """Pass unfinished lines to the sink, and report dropped lines if it is time."""
        self.printed = False
        if self._unfinished:
            unfinished, self._unfinished = self._unfinished, {}
            for plugin, line in unfinished.values():
                self._finish(plugin, line)
        self.unsettled = self._limit.report_dropped()

    def _emit(self, plugin: str, stream: object, beginning: str, text: str, start: int) -> None:
        """Pass the lines of a text from `start` on to the sink; keep the unfinished last one."""
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
        """Drop a text from `start` on, and count its lines."""
        self.left_out(stream, plugin, text.count("\n", start), not text.endswith("\n"))

    def _finish(self, plugin: str, line: str | None) -> None:
        """Pass an unfinished line to the sink, unless it is dropped."""
        if line is not None and self._limit.admits(plugin):
            self._sink(plugin, line)
        else:
            self._limit.leave_out(plugin, 1)
