"""Judges from what a child writes on the board whether it is stuck."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from hookframe.daemon.scoreboard import (
    ATTEMPT,
    DEADLINE,
    HEARTBEAT,
    LOAD_TIME,
    LOADING,
    LONGEST,
    MICROSECONDS,
)

if TYPE_CHECKING:
    from hookframe.daemon.scoreboard import Slot

_HEARTBEAT_TIMEOUT: Final = 5.0
"""Seconds without a sweep after which an idle event loop is taken to be stuck."""
_CHILD_GRACE: Final = 0.05
"""Seconds in which a child whose interpreter turns has rung its own alarm."""
_LONGEST_GAP: Final = 1.0
"""Seconds between two looks after which the supervisor itself, or the machine, must have slept.

After as long an absence the child's last sweep is as long ago, and the pause between two sweeps, at
most; so both together have to be less than the silence."""


class Hang(Enum):
    """Where a child is stuck."""

    NONE = auto()
    OVERDUE = auto()
    """in an attempt whose deadline is over, but not yet for so long that it has to be killed"""
    IN_AN_ATTEMPT = auto()
    BETWEEN_ATTEMPTS = auto()
    IN_A_LOAD = auto()


class Watchdog:
    """The supervisor's eye on one child.

    Args:
        slot: what the child writes.
        now: the monotonic time in seconds.
    """

    def __init__(self, slot: Slot, now: float) -> None:
        self._fields = slot.fields
        self._number = 0
        self._since = now
        self._checked_at = now

    @property
    def busy(self) -> bool:
        """Whether an attempt was going on at the last look."""
        return self._number != 0

    def check(self, now: float) -> Hang:
        """Look once.

        Args:
            now: the monotonic time in seconds.
        """
        number = self._fields[ATTEMPT]
        if number != self._number or now - self._checked_at > _LONGEST_GAP:
            self._number, self._since = number, now
        self._checked_at = now
        elapsed = now - self._since
        if number:
            return self._check_attempt(elapsed)
        return self._check_idle(now, elapsed)

    def _check_attempt(self, elapsed: float) -> Hang:
        longest, deadline = self._read_seconds(LONGEST), self._read_seconds(DEADLINE)
        if longest and elapsed > longest:
            return Hang.IN_AN_ATTEMPT
        late = deadline and elapsed > deadline + _CHILD_GRACE
        return Hang.OVERDUE if late else Hang.NONE

    def _check_idle(self, now: float, elapsed: float) -> Hang:
        heartbeat, loading = self._read_seconds(HEARTBEAT), self._read_seconds(LOADING)
        if heartbeat and elapsed > _HEARTBEAT_TIMEOUT and now - heartbeat > _HEARTBEAT_TIMEOUT:
            return Hang.BETWEEN_ATTEMPTS
        if loading and now - loading > self._read_seconds(LOAD_TIME):
            return Hang.IN_A_LOAD
        return Hang.NONE

    def _read_seconds(self, index: int) -> float:
        return self._fields[index] / MICROSECONDS
