"""Deadlines: the clock of one chain, and the error that ends what takes too long."""

from __future__ import annotations

from math import inf

from hookframe.api.errors import DeadlineExceeded


class Clock:
    """Since when the attempt of one chain runs: the deciding thread writes, an alarm reads.

    Each attribute is written as a whole, so neither needs a lock.

    Args:
        deadline: the longest time of one attempt, in seconds.
    """

    __slots__ = ("call", "deadline", "started")

    def __init__(self, deadline: float = inf) -> None:
        self.deadline = deadline
        self.started = 0.0
        """when the attempt began, by the monotonic clock; 0 while there is none"""
        self.call: tuple[float, float] | None = None
        """when a call with a deadline of its own began, and that deadline"""

    def due(self) -> float:
        """Say when the first deadline of what runs will be over; never, where nothing runs."""
        due = self.started + self.deadline if self.started else inf
        call = self.call
        return due if call is None else min(due, sum(call))

    def interrupted(self, now: float) -> DeadlineExceeded:
        """Make the error that ends what runs; its deadline is over.

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
    """Say in an error that something took too long.

    Args:
        seconds: how long it took.
        deadline: how long it may take.
        whole: whether that is the deadline of the whole chain.
        how: what came to an end after so many seconds.
    """
    subject = "the whole chain's deadline" if whole else "its deadline"
    return DeadlineExceeded(
        f"{how} {seconds:.3g} s; {subject} is {deadline:g} s", deadline, whole=whole
    )


def check_deadline(seconds: float, deadline: float, *, whole: bool = False) -> None:
    """Refuse what a hook that took too long has returned.

    Raises:
        DeadlineExceeded: it took longer than its deadline, both in seconds.
    """
    if seconds > deadline:
        raise make_deadline_error(seconds, deadline, whole=whole)
