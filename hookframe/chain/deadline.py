"""Deadlines: the clock of one chain, its cells for another process, and the error of an overrun."""

from __future__ import annotations

import signal
from math import inf
from typing import Final

from hookframe.api.errors import DeadlineExceeded

SIGNAL: Final = signal.SIGRTMAX - 1
"""The signal by which another process ends an overdue hook; it is sent to the main thread. Ordinary
signals belong to plugins. Of the real-time signals the C library keeps the lowest, and programs use
those at either end."""
STARTED: Final = 0
"""The cell with the start of the running attempt, by the monotonic clock; 0.0 while none runs."""
DUE: Final = 1
"""The cell with the time at which the nearest deadline ends; infinity without one."""
CELLS: Final = 2
"""The number of cells."""


class DeadlineClock:
    """Start times of the running attempt, for a signal handler or another process.

    Args:
        deadline: the longest time of one attempt, in seconds.
    """

    __slots__ = ("call", "cells", "deadline", "started")

    def __init__(self, deadline: float = inf) -> None:
        self.deadline = deadline
        self.started = 0.0
        """when the attempt began, by the monotonic clock; 0 while there is none"""
        self.call: tuple[float, float] | None = None
        """the start of a call that has its own deadline, and that deadline"""
        self.cells: memoryview[float] | None = None
        """doubles that another process reads; None if no other process judges"""

    def due(self) -> float:
        """Return when the nearest deadline ends; infinity while nothing runs."""
        due = self.started + self.deadline if self.started else inf
        call = self.call
        return due if call is None else min(due, sum(call))

    def publish(self) -> None:
        """Write the times into the cells, after each change of them."""
        if self.cells is not None:
            self.cells[DUE] = self.due()
            self.cells[STARTED] = self.started

    def begin_call(self, started: float, deadline: float) -> None:
        """Begin a call that has its own deadline, or go on with one."""
        self.call = (started, deadline)
        self.publish()

    def end_call(self) -> None:
        """End a call that has its own deadline."""
        self.call = None
        self.publish()

    def build_interruption(self, now: float) -> DeadlineExceeded:
        """Build the error that ends the overdue call.

        Args:
            now: the monotonic time in seconds.
        """
        call = self.call
        if call is None or now >= self.started + self.deadline:
            return make_deadline_error(
                now - self.started, self.deadline, whole=True, how="interrupted after"
            )
        return make_deadline_error(now - call[0], call[1], how="interrupted after")


def make_deadline_error(
    seconds: float, deadline: float, *, whole: bool = False, how: str = "took"
) -> DeadlineExceeded:
    """Build the error of an overrun.

    Args:
        seconds: the time that it took.
        deadline: its limit in seconds.
        whole: whether this is the deadline of the whole chain.
        how: what the seconds count, as the text begins.
    """
    subject = "the whole chain's deadline" if whole else "its deadline"
    return DeadlineExceeded(
        f"{how} {seconds:.3g} s; {subject} is {deadline:g} s", deadline, whole=whole
    )


def check_deadline(seconds: float, deadline: float, *, whole: bool = False) -> None:
    """Reject the result of a hook that took too long.

    Raises:
        DeadlineExceeded: it took longer than its deadline.
    """
    if seconds > deadline:
        raise make_deadline_error(seconds, deadline, whole=whole)
