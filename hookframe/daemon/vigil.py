"""Judges from what a child writes on the board whether it is stuck."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from hookframe.daemon.board import ATTEMPT, BEAT, LOAD_TIME, LOADING, LONGEST

if TYPE_CHECKING:
    from hookframe.daemon.board import Slot

_SILENCE: Final = 5.0
"""Seconds without a sweep after which an idle event loop is taken to be stuck."""
_ABSENCE: Final = 1.0
"""Seconds between two looks after which the supervisor itself, or the machine, must have slept."""
MICROSECONDS: Final = 1_000_000


class Stuck(Enum):
    """Where a child is stuck."""

    NOWHERE = auto()
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
        number, cells = self._cells[ATTEMPT], self._cells
        if number != self._number or now - self._looked > _ABSENCE:
            self._number, self._since = number, now
        self._looked = now
        stayed = now - self._since
        if number:
            longest = cells[LONGEST] / MICROSECONDS
            return Stuck.IN_AN_ATTEMPT if longest and stayed > longest else Stuck.NOWHERE
        beat = cells[BEAT] / MICROSECONDS
        if beat and stayed > _SILENCE and now - beat > _SILENCE:
            return Stuck.BETWEEN_ATTEMPTS
        loading = cells[LOADING] / MICROSECONDS
        if loading and now - loading > cells[LOAD_TIME] / MICROSECONDS:
            return Stuck.IN_A_LOAD
        return Stuck.NOWHERE
