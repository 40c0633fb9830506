"""Deadlines: the clock of one chain, and the error of an overrun."""

from __future__ import annotations

import signal
from math import inf
from typing import Final

from hookframe.api.errors import DeadlineExceeded


SIGNAL: Final = signal.SIGRTMAX - 1
STARTED: Final = 0
DUE: Final = 1


class DeadlineClock:
    """Start times of the running attempt; written by the deciding thread, read by an interrupter.

    Each attribute is written at once, so no lock is needed.

    Args:
        deadline: the longest time of one attempt, in seconds.
    """

    __slots__ = ("call", "deadline", "started")

    def __init__(self, deadline: float = inf) -> None:
        self.deadline = deadline
        self.started = 0.0
        """when the attempt began, by the monotonic clock; 0 while there is none"""
        self.call: tuple[float, float] | None = None
        """the start of a call that has its own deadline, and that deadline"""

    def due(self) -> float:
        """Return when the nearest deadline ends; infinity while nothing runs."""
        due = self.started + self.deadline if self.started else inf
        call = self.call
        return due if call is None else min(due, sum(call))

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
