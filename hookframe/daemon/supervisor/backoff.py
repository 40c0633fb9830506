"""Delay the start of processes that keep crashing."""

from __future__ import annotations

from typing import Final

_STABLE_AFTER: Final = 0.5
"""Seconds of service; a death before that is an early one."""
_TOLERATED: Final = 3
"""Number of early deaths in a row from which on starts are delayed."""
_FIRST_WAIT: Final = 0.05
_LONGEST_WAIT: Final = 0.5
"""Seconds; a fixed policy is live within one."""


class Backoff:
    """Decides when the next process may be started. Times are seconds of one steady clock."""

    def __init__(self) -> None:
        self._in_a_row = 0
        self._not_before = 0.0
        self._latest = 0.0
        """start of the process that died early last"""

    def record_death(self, now: float, since: float, *, served: bool = True) -> None:
        """Record a death.

        Args:
            now: the time of the death.
            since: when the process began to serve, or was started if it never did.
            served: whether it was of use; if not, its death is early at any age.
        """
        if served and now - since >= _STABLE_AFTER:
            if since > self._latest:
                self._in_a_row = 0
            return
        self._in_a_row += 1
        self._latest = max(self._latest, since)
        excess = self._in_a_row - _TOLERATED
        if excess >= 0:
            self._not_before = now + min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(excess, 10))

    @property
    def waits(self) -> bool:
        """Whether starts are delayed."""
        return self._in_a_row >= _TOLERATED

    def wait(self, now: float) -> float:
        """Return the seconds until the next start is allowed; 0 for now."""
        return max(0.0, self._not_before - now) if self.waits else 0.0

    def record_survival(self, now: float, since: float) -> None:
        """Record a living process, which may end the delays.

        Args:
            now: the time.
            since: when it began to serve, or was started if it does not.
        """
        # One that is older than the last that died does not show that starts succeed.
        if since > self._latest and now - since >= _STABLE_AFTER:
            self._in_a_row = 0
