"""Detect a hung child from what it writes on the scoreboard."""

from __future__ import annotations

from enum import Enum, auto
from math import inf
from typing import TYPE_CHECKING, Final

from hookframe.chain.deadline import DUE, STARTED
from hookframe.daemon.scoreboard import ATTEMPT, HEARTBEAT, MICROSECONDS

if TYPE_CHECKING:
    from hookframe.daemon.scoreboard import Slot

HEARTBEAT_TIMEOUT: Final = 5.0
"""Seconds without a heartbeat after which an idle loop counts as hung."""
_GRACE: Final = 0.25
"""The part of a deadline, and the least seconds, by which a hook may exceed it before the kill."""
_LONGEST_GAP: Final = 2.0
"""Seconds between two checks after which the supervisor, or the machine, must have slept.

This and the pause between two sweeps together must be shorter than HEARTBEAT_TIMEOUT."""
_RETRY: Final = 0.005
"""Seconds between two signals to a child that is overdue."""


class Hang(Enum):
    """Where a child hangs."""

    NONE = auto()
    OVERDUE = auto()
    """in an attempt that is past its deadline, but not yet to be killed"""
    IN_AN_ATTEMPT = auto()
    BETWEEN_ATTEMPTS = auto()


class Watchdog:
    """Watches one child. All times are seconds of the monotonic clock.

    Args:
        slot: the child's slot.
        now: the time.
    """

    def __init__(self, slot: Slot, now: float) -> None:
        self._fields, self._cells = slot.fields, slot.cells
        self._number = 0
        self._since = now
        """when this number was first seen"""
        self._gap_ended = 0.0
        """when this process, or the machine, went on after a pause"""
        self._checked_at = now
        self.answered_at = 0.0
        """when an attempt was seen last"""

    def check(self, now: float, deadline: float) -> Hang:
        """Return where the child hangs.

        Args:
            now: the time.
            deadline: the deadline of the whole chain in seconds; 0 for none.
        """
        number = self._fields[ATTEMPT]
        if now - self._checked_at > _LONGEST_GAP:
            self._gap_ended = self._since = now
        if number != self._number:
            self._number, self._since = number, now
        self._checked_at = now
        if number:
            self.answered_at = now
            return self._check_attempt(now, deadline)
        heartbeat = self._fields[HEARTBEAT] / MICROSECONDS
        alive = max(heartbeat, self._since)
        hangs = heartbeat and now - alive > HEARTBEAT_TIMEOUT
        return Hang.BETWEEN_ATTEMPTS if hangs else Hang.NONE

    def _check_attempt(self, now: float, deadline: float) -> Hang:
        if deadline and now > self._find_end(deadline):
            return Hang.IN_AN_ATTEMPT
        return Hang.OVERDUE if now > self._find_due() else Hang.NONE

    def _find_due(self) -> float:
        """Return when the nearest deadline ends; infinity while no hook runs."""
        return self._cells[DUE] if self._cells[STARTED] else inf

    def _find_end(self, deadline: float) -> float:
        """Return when the child is killed."""
        # The child was probably stopped too, and gets its time again.
        began = max(self._cells[STARTED] or self._since, self._gap_ended)
        return began + deadline + max(_GRACE, _GRACE * deadline)

    def next_check(self, now: float, deadline: float) -> float:
        """Return when to check again, while an attempt runs; infinity while none does.

        Args:
            now: the time.
            deadline: as for `check`.
        """
        if not self._number:
            return inf
        due = self._find_due()
        if now > due:
            return now + _RETRY
        return min(due, self._find_end(deadline)) if deadline else due
