"""Log lines that could not be written, counted until their number can be logged."""

from __future__ import annotations

import os


class DroppedLines:
    """The number of lines that this process could not write, and the reason of the last one.

    It takes no lock, because no signal handler and no forked child may wait for one.
    """

    __slots__ = ("_process", "lines", "reason", "torn")

    def __init__(self) -> None:
        self.lines = 0
        """the number of lines, including those that a parent process has counted"""
        self._process = 0
        self.reason = ""
        self.torn = False
        """whether the last line was written in part, so that the next one needs a new line"""

    @property
    def unreported(self) -> int:
        """The number of lines to report; a parent process reports those that it counted."""
        if self.lines and self._process != os.getpid():
            self.lines = 0
        return self.lines

    def add(self, lines: int, reason: str) -> None:
        """Count lines that could not be written."""
        self.lines = self.unreported + lines
        self._process = os.getpid()
        self.reason = reason

    def mark_reported(self, lines: int) -> None:
        """Subtract lines that have been reported."""
        self.lines -= lines

    def describe(self) -> str:
        """Describe how many lines were lost, and why."""
        lines = "1 line" if self.lines == 1 else f"{self.lines} lines"
        return f"{lines} of the log lost: {self.reason}"
