"""Lines of the log that could not be written, counted until it can be said."""

from __future__ import annotations

import os


class DroppedLines:
    """How many lines this process could not write, and why the last of them.

    Nothing here takes a lock, as no signal handler and no forked child may wait for one.
    """

    __slots__ = ("_process", "lines", "reason", "torn")

    def __init__(self) -> None:
        self.lines = 0
        """how many there are, those that a parent process has counted included"""
        self._process = 0
        self.reason = ""
        self.torn = False
        """whether the last line was written in part, so that the next one must begin anew"""

    @property
    def unreported(self) -> int:
        """How many are still to be said; those of the process that forked this one are its own."""
        if self.lines and self._process != os.getpid():
            self.lines = 0
        return self.lines

    def add(self, lines: int, reason: str) -> None:
        """Count lines that could not be written."""
        self.lines = self.unreported + lines
        self._process = os.getpid()
        self.reason = reason

    def mark_reported(self, lines: int) -> None:
        """Forget so many, which have been said."""
        self.lines -= lines

    def describe(self) -> str:
        """Say how many there are, and why."""
        lines = "1 line" if self.lines == 1 else f"{self.lines} lines"
        return f"{lines} of the log lost: {self.reason}"
