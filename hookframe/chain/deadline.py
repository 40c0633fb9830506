"""Deadlines: the clock of one chain, and the error that ends what takes too long."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from types import CodeType, FunctionType
from typing import Any, Final, TypeVar, cast

_Function = TypeVar("_Function", bound=Callable[..., Any])

CALLERS: Final[set[CodeType]] = set()
"""The code of every function of hookframe that calls a plugin's code: see `calls_plugins`."""


def calls_plugins(function: _Function) -> _Function:
    """Mark a function that calls a plugin's code while an attempt runs.

    What that code raises must harm nothing of ours on its way to whoever takes it for the
    plugin's error: wherever it stands, it may be ended by `DeadlineExceeded`.

    Args:
        function: a Python function; all that are made by one `def` or `lambda` are marked at once.
    """
    CALLERS.add(cast("FunctionType", function).__code__)
    return function


class DeadlineExceeded(BaseException):
    """A hook ran longer than the operator allows.

    It is no `Exception`: a hook that is prepared for errors of its own must not swallow it.

    Args:
        text: how long it took, and which deadline that exceeds.
        deadline: that deadline in seconds.
        whole: whether it is the one of the whole chain, after which nothing can be skipped.
    """

    def __init__(self, text: str, deadline: float, *, whole: bool = False) -> None:
        super().__init__(text)
        self.deadline = deadline
        self.whole = whole


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
            return exceeded(now - self.started, self.deadline, whole=True, how="interrupted after")
        return exceeded(now - call[0], call[1], how="interrupted after")


def exceeded(
    seconds: float, deadline: float, *, whole: bool = False, how: str = "took"
) -> DeadlineExceeded:
    """Say in an error that something took too long.

    Args:
        seconds: how long it took.
        deadline: how long it may take.
        whole: whether that is the deadline of the whole chain.
        how: what came to an end after so many seconds.
    """
    whose = "the whole chain's deadline" if whole else "its deadline"
    return DeadlineExceeded(
        f"{how} {seconds:.3g} s; {whose} is {deadline:g} s", deadline, whole=whole
    )


def check_deadline(seconds: float, deadline: float, *, whole: bool = False) -> None:
    """Refuse what a hook that took too long has returned.

    Raises:
        DeadlineExceeded: it took longer than its deadline, both in seconds.
    """
    if seconds > deadline:
        raise exceeded(seconds, deadline, whole=whole)
