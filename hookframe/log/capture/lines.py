"""Printed text of plugins, split into lines and limited per second."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Final, NamedTuple

from hookframe.log.rate import LineLimit

LONGEST_LINE: Final = 8192
"""A longer line is logged in pieces of this many characters."""
_PATIENCE: Final = 1.0
"""Seconds after which an unfinished line is passed on."""

Sink = Callable[[str, str], None]
"""A function of a plugin's name and one line without its end."""


class _Begun(NamedTuple):
    """An unfinished line."""

    plugin: str
    text: str | None
    """its beginning; None if the line is dropped"""
    since: float
    """when it was begun, by the monotonic clock"""


class Lines:
    """The lines of several streams.

    At most one unfinished line of each stream is held in memory. Lines over the limit are dropped
    as a whole. It takes no lock, because no signal handler and no forked child may wait for one:
    each thread has streams of its own.

    Args:
        sink: takes each line.
        limit: the limit of lines per second.
    """

    def __init__(self, sink: Sink, limit: LineLimit) -> None:
        self._sink = sink
        self._limit = limit
        self._begun: dict[object, _Begun] = {}
        """by stream"""
        self._settle_at = inf
        """when the oldest unfinished line is to be passed on"""

    def take(self, plugin: str, stream: object, text: str) -> None:
        """Take printed text, and pass complete lines to the sink."""
        if not text:
            return
        now = monotonic()
        if now >= self._settle_at:
            self.settle()
        begun = self._begun.pop(stream, None) or _Begun(plugin, "", now)
        if begun.plugin != plugin:
            self._finish(begun)
            begun = _Begun(plugin, "", now)
        if begun.text is None:
            self._skip_dropped(begun, stream, text)
        elif begun.text or not self._limit.is_full(plugin):
            self._emit(begun, stream, text, 0)
        else:
            self._leave_out(begun, stream, text, 0)

    def finish(self, stream: object) -> None:
        """Pass the unfinished line of a stream to the sink."""
        begun = self._begun.pop(stream, None)
        if begun is not None:
            self._finish(begun)

    def settle(self, *, force: bool = False) -> None:
        """Pass unfinished lines to the sink: those that were begun a second ago, or all."""
        before = monotonic() - _PATIENCE
        for stream, begun in list(self._begun.items()):
            if force or begun.since <= before:
                self.finish(stream)
        oldest = min((each.since for each in list(self._begun.values())), default=inf)
        self._settle_at = oldest + _PATIENCE

    def _keep(self, stream: object, begun: _Begun) -> None:
        self._begun[stream] = begun
        self._settle_at = min(self._settle_at, begun.since + _PATIENCE)

    def _skip_dropped(self, begun: _Begun, stream: object, text: str) -> None:
        """Skip the rest of a line whose beginning was dropped, and take what follows it."""
        end = text.find("\n") + 1
        if not end:
            self._keep(stream, begun)
            return
        self._limit.leave_out(begun.plugin, 1)
        self.take(begun.plugin, stream, text[end:])

    def _emit(self, begun: _Begun, stream: object, text: str, start: int) -> None:
        """Pass the lines of a text from `start` on to the sink; keep the unfinished last one."""
        plugin, beginning = begun.plugin, begun.text or ""
        while start < len(text):
            longest = start + LONGEST_LINE - len(beginning)
            end = text.find("\n", start, longest + 1)
            if end < 0 and len(text) <= longest:
                self._keep(stream, begun._replace(text=beginning + text[start:]))
                return
            if not self._limit.admits(plugin):
                self._leave_out(begun, stream, text, start)
                return
            stop = longest if end < 0 else end
            self._sink(plugin, beginning + text[start:stop])
            start, beginning = max(stop, end + 1), ""

    def _leave_out(self, begun: _Begun, stream: object, text: str, start: int) -> None:
        """Drop a text from `start` on, and count its lines."""
        self._limit.leave_out(begun.plugin, text.count("\n", start))
        if not text.endswith("\n"):
            self._keep(stream, begun._replace(text=None))

    def _finish(self, begun: _Begun) -> None:
        """Pass an unfinished line to the sink, unless it is dropped."""
        if begun.text is not None and self._limit.admits(begun.plugin):
            self._sink(begun.plugin, begun.text)
        else:
            self._limit.leave_out(begun.plugin, 1)
