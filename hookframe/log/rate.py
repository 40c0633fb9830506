"""At most so much in a second: what is over the limit costs next to nothing, and is counted."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Final

_SECOND: Final = 1.0

LeftOut = Callable[[str, int, int], None]
"""Takes a plugin's name, how many of its lines were left out, and how many it may print."""


class OncePerSecond:
    """Says whether a second has passed, before anything is formatted."""

    def __init__(self) -> None:
        self._next = 0.0

    def due(self) -> bool:
        """Say whether it is time again, and if so start the next second."""
        now = monotonic()
        if now < self._next:
            return False
        self._next = now + _SECOND
        return True


class _LineCount:
    """What one plugin has printed in the second that runs."""

    __slots__ = ("left_out", "lines", "resumes_at")

    def __init__(self) -> None:
        self.resumes_at = 0.0
        """when its second is over"""
        self.lines = 0
        self.left_out = 0


class LineLimit:
    """Limits how many lines a second each plugin prints (`limits.output_lines`).

    A plugin's second begins with its first line after the last one was over.

    Args:
        say: takes what was left out, at most once a second for each plugin.
        lines: how many lines a plugin may print in a second; None for no limit. It may be set at
            any time.
    """

    def __init__(self, report: LeftOut, lines: int | None = None) -> None:
        self.lines = lines
        self._report = report
        self._counts: dict[str, _LineCount] = {}
        self._report_at = inf
        """when the first second is over in which something was left out"""

    def is_full(self, plugin: str) -> bool:
        """Say whether a plugin may print no more in this second."""
        count = self._counts.get(plugin)
        return (
            count is not None
            and self.lines is not None
            and count.lines >= self.lines
            and monotonic() < count.resumes_at
        )

    def resumes_at(self, plugin: str) -> float:
        """Say when a plugin may print again that may not now, by the monotonic clock."""
        return self._counts[plugin].resumes_at

    def admits(self, plugin: str) -> bool:
        """Count a line of a plugin, and say whether it may be printed.

        What was left out in an earlier second is said first.
        """
        if self.lines is None:
            return True
        count = self._counts.get(plugin)
        if count is None:
            count = self._counts[plugin] = _LineCount()
        now = monotonic()
        if now >= count.resumes_at:
            self._report_dropped(plugin, count)
            count.resumes_at, count.lines = now + _SECOND, 0
        if count.lines >= self.lines:
            return False
        count.lines += 1
        return True

    def leave_out(self, plugin: str, lines: int) -> None:
        """Count lines that a plugin has printed beyond its limit."""
        count = self._counts[plugin]
        count.left_out += lines
        self._report_at = min(self._report_at, count.resumes_at)

    def report_dropped(self, *, force: bool = False) -> bool:
        """Say what was left out, of each plugin whose second is over.

        Args:
            all_of_it: whether to say it at once, as somebody does who stops.

        Returns:
            Whether something is still to be said.
        """
        now = monotonic()
        if now < self._report_at and not force:
            return self._report_at != inf
        for plugin, count in list(self._counts.items()):
            if count.left_out and (force or now >= count.resumes_at):
                self._report_dropped(plugin, count)
        later = [count.resumes_at for count in self._counts.values() if count.left_out]
        self._report_at = min(later, default=inf)
        return bool(later)

    def _report_dropped(self, plugin: str, count: _LineCount) -> None:
        left_out, count.left_out = count.left_out, 0
        if left_out:
            self._report(plugin, left_out, self.lines or 0)
