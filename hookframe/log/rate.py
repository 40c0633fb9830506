"""Lines that are not written are counted: those over a limit, and those that were lost."""

from __future__ import annotations

import os
from collections.abc import Callable, Hashable
from math import inf
from time import monotonic
from typing import Final

_SECOND: Final = 1.0
_EQUAL_LINES: Final = 10
"""Equal lines in a second that are all written."""
_COUNTED: Final = 10.0
"""Seconds for which further ones are counted until their number is written."""
_MOST_KINDS: Final = 500
"""Kinds of lines that are told apart; any further ones count as one kind."""

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


class _EqualLines:
    """The lines of one kind."""

    __slots__ = ("left_out", "lines", "since", "text", "until")

    def __init__(self) -> None:
        self.until = 0.0
        """the end of the current second, by the monotonic clock"""
        self.lines = 0
        self.left_out = 0
        self.since = 0.0
        """when the first line was left out that is not reported"""
        self.text = ""
        """the last line that was left out"""


class EqualLines:
    """The limit of equal lines: ten in a second; further ones are counted (CONTRACT 5).

    Args:
        report: is called with the last line left out, their number, and the seconds in which they
            came: ten, if they go on for so long.
    """

    def __init__(self, report: Callable[[Hashable, str, int, int], None]) -> None:
        self._report = report
        self._kinds: dict[Hashable, _EqualLines] = {}
        self._report_at = inf

    def admits(self, kind: Hashable, text: str) -> bool:
        """Count a line, and return whether it may be written.

        Args:
            kind: the same for equal lines.
            text: the line.
        """
        now = monotonic()
        if now >= self._report_at:
            self.report()
        if kind not in self._kinds and len(self._kinds) >= _MOST_KINDS:
            self._forget_old(now)
            kind = kind if len(self._kinds) < _MOST_KINDS else None
        equal = self._kinds.get(kind)
        if equal is None:
            equal = self._kinds[kind] = _EqualLines()
        if now >= equal.until:
            equal.until, equal.lines = now + _SECOND, 0
        if equal.lines < _EQUAL_LINES:
            equal.lines += 1
            return True
        if not equal.left_out:
            equal.since = now
            self._report_at = min(self._report_at, now + _COUNTED)
        equal.left_out += 1
        equal.text = text
        return False

    def report(self, *, force: bool = False) -> None:
        """Report lines that were left out, ten seconds after the first of them.

        Args:
            force: whether to report all of them now, as before the program stops.
        """
        now = monotonic()
        if now < self._report_at and not force:
            return
        self._report_at = inf
        for kind, equal in list(self._kinds.items()):
            if equal.left_out and (force or now >= equal.since + _COUNTED):
                left_out, equal.left_out = equal.left_out, 0
                seconds = max(1, round(now - equal.since))
                self._report(kind, equal.text, left_out, seconds)
            elif equal.left_out:
                self._report_at = min(self._report_at, equal.since + _COUNTED)

    def _forget_old(self, now: float) -> None:
        """Forget the kinds that did not come in this second."""
        for kind, equal in list(self._kinds.items()):
            if now >= equal.until and not equal.left_out:
                del self._kinds[kind]


class LostLines:
    """The number of lines that this process could not write, and the reason of the last one.

    It takes no lock, because no signal handler and no forked child may wait for one.
    """

    __slots__ = ("_lines", "_process", "reason", "torn")

    def __init__(self) -> None:
        self._lines = 0
        """the number of lines, including those that a parent process has counted"""
        self._process = 0
        self.reason = ""
        self.torn = False
        """whether the last line was written in part, so that the next one needs a new line"""

    @property
    def unreported(self) -> int:
        """The number of lines to report; a parent process reports those that it counted."""
        if self._lines and self._process != os.getpid():
            self._lines = 0
        return self._lines

    def add(self, lines: int, reason: str) -> None:
        """Count lines that could not be written."""
        self._lines = self.unreported + lines
        self._process = os.getpid()
        self.reason = reason

    def mark_reported(self, lines: int) -> None:
        """Subtract lines that have been reported."""
        self._lines -= lines

    def describe(self) -> str:
        """Describe how many lines were lost, and why."""
        lines = "1 line" if self._lines == 1 else f"{self._lines} lines"
        return f"{lines} of the log lost: {self.reason}"
