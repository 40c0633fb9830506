"""Detect a hung child from what it writes on the scoreboard."""

from __future__ import annotations

from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from hookframe.daemon.scoreboard import (
    ATTEMPT,
    DEADLINE,
    HEARTBEAT,
    KILL_AFTER,
    LOAD_TIME,
    LOADING,
    MICROSECONDS,
)

if TYPE_CHECKING:
    from hookframe.daemon.scoreboard import Slot

_HEARTBEAT_TIMEOUT: Final = 5.0
"""Seconds without a heartbeat after which an idle event loop counts as hung."""
_CHILD_GRACE: Final = 0.05
"""Seconds after a deadline in which a child whose interpreter runs has interrupted itself."""
_LONGEST_GAP: Final = 1.0
"""Seconds between two checks after which the supervisor, or the machine, must have slept.

This and the pause between two sweeps together must be shorter than _HEARTBEAT_TIMEOUT."""


class Hang(Enum):
    """Where a child hangs."""

    NONE = auto()
    OVERDUE = auto()
    """in an attempt that is past its deadline, but not yet to be killed"""
    IN_AN_ATTEMPT = auto()
    BETWEEN_ATTEMPTS = auto()
    IN_A_LOAD = auto()


class Watchdog:
    """Watches one child.

    Args:
        slot: the child's slot.
        now: the monotonic time in seconds.
    """

    def __init__(self, slot: Slot, now: float) -> None:
        self._fields = slot.fields
        self._number = 0
        self._since = now
        self._checked_at = now

    @property
    def busy(self) -> bool:
        """Whether an attempt was running at the last check."""
        return self._number != 0

    def check(self, now: float) -> Hang:
        """Return where the child hangs.

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
        kill_after, deadline = self._read_seconds(KILL_AFTER), self._read_seconds(DEADLINE)
        if kill_after and elapsed > kill_after:
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
