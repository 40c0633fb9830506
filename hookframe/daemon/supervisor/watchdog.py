"""Judges from what a child writes on the board whether it is stuck."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from hookframe.daemon.scoreboard import (
    ATTEMPT,
    BEAT,
    DEADLINE,
    LOAD_TIME,
    LOADING,
    LONGEST,
    MICROSECONDS,
)

if TYPE_CHECKING:
    from hookframe.daemon.scoreboard import Slot

_SILENCE: Final = 5.0
"""Seconds without a sweep after which an idle event loop is taken to be stuck."""
_OWN_ALARM: Final = 0.05
"""Seconds in which a child whose interpreter turns has rung its own alarm."""
_ABSENCE: Final = 1.0
"""Seconds between two looks after which the supervisor itself, or the machine, must have slept.

After as long an absence the child's last sweep is as long ago, and the pause between two sweeps, at
most; so both together have to be less than the silence."""


class Stuck(Enum):
    """Where a child is stuck."""

    NOWHERE = auto()
    BEHIND_TIME = auto()
    """in an attempt whose deadline is over, but not yet for so long that it has to be killed"""
    IN_AN_ATTEMPT = auto()
    BETWEEN_ATTEMPTS = auto()
    IN_A_LOAD = auto()


class Vigil:
    """The supervisor's eye on one child.

    Args:
        slot: what the child writes.
        now: the monotonic time in seconds.
    """

    def __init__(self, slot: Slot, now: float) -> None:
        self._cells = slot.cells
        self._number = 0
        self._since = now
        self._looked = now

    @property
    def busy(self) -> bool:
        """Whether an attempt was going on at the last look."""
        return self._number != 0

    def judge(self, now: float) -> Stuck:
        """Look once.

        Args:
            now: the monotonic time in seconds.
        """
        number = self._cells[ATTEMPT]
        if number != self._number or now - self._looked > _ABSENCE:
            self._number, self._since = number, now
        self._looked = now
        stayed = now - self._since
        if number:
            return self._in_an_attempt(stayed)
        return self._between_attempts(now, stayed)

    def _in_an_attempt(self, stayed: float) -> Stuck:
        longest, deadline = self._seconds(LONGEST), self._seconds(DEADLINE)
        if longest and stayed > longest:
            return Stuck.IN_AN_ATTEMPT
        late = deadline and stayed > deadline + _OWN_ALARM
        return Stuck.BEHIND_TIME if late else Stuck.NOWHERE

    def _between_attempts(self, now: float, stayed: float) -> Stuck:
        beat, loading = self._seconds(BEAT), self._seconds(LOADING)
        if beat and stayed > _SILENCE and now - beat > _SILENCE:
            return Stuck.BETWEEN_ATTEMPTS
        if loading and now - loading > self._seconds(LOAD_TIME):
            return Stuck.IN_A_LOAD
        return Stuck.NOWHERE

    def _seconds(self, cell: int) -> float:
        return self._cells[cell] / MICROSECONDS
