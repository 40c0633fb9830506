"""Rate limits: lines over the limit are counted and dropped."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Final

_SECOND: Final = 1.0

LeftOut = Callable[[str, int, int], None]
"""A function of a plugin's name, the number of dropped lines, and the number of allowed lines."""


class OncePerSecond:
    """A limit of once per second, to be checked before anything is formatted."""

    def __init__(self) -> None:
        self._next = 0.0

    def due(self) -> bool:
        """Return whether the last second is over, and if so start the next one."""
        now = monotonic()
        if now < self._next:
            return False
        self._next = now + _SECOND
        return True


class _LineCount:
    """The lines of one plugin in the current second."""

    __slots__ = ("left_out", "lines", "resumes_at")

    def __init__(self) -> None:
        self.resumes_at = 0.0
        """the end of the current second, by the monotonic clock"""
        self.lines = 0
        self.left_out = 0


class LineLimit:
    """The limit of lines per second and plugin (`limits.output_lines`).

    A plugin's second starts with its first line after the end of the last second.

    Args:
        report: is called with dropped lines, at most once a second for each plugin.
        lines: the number of lines that a plugin may print in a second; None for no limit. It may
            be set at any time.
    """

    def __init__(self, report: LeftOut, lines: int | None = None) -> None:
        self.lines = lines
        self._report = report
        self._counts: dict[str, _LineCount] = {}
        self._report_at = inf
        """the earliest end of a second in which lines were dropped"""

    def is_full(self, plugin: str) -> bool:
        """Return whether a plugin has reached its limit in the current second."""
        count = self._counts.get(plugin)
        return (
            count is not None
            and self.lines is not None
            and count.lines >= self.lines
            and monotonic() < count.resumes_at
        )

    def resumes_at(self, plugin: str) -> float:
        """Return when a limited plugin may print again, by the monotonic clock."""
        return self._counts[plugin].resumes_at

    def admits(self, plugin: str) -> bool:
        """Count a line of a plugin, and return whether it may be printed.

        Lines that were dropped in an earlier second are reported first.
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
        """Count dropped lines of a plugin."""
        count = self._counts[plugin]
        count.left_out += lines
        self._report_at = min(self._report_at, count.resumes_at)

    def report_dropped(self, *, force: bool = False) -> bool:
        """Report the dropped lines of each plugin whose second is over.

        Args:
            force: whether to report all dropped lines now, as before the program stops.

        Returns:
            Whether dropped lines remain unreported.
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
