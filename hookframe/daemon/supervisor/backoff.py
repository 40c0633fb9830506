"""How fast processes that die are started again."""

from __future__ import annotations

from typing import Final

_STABLE_AFTER: Final = 0.5
"""Seconds of service before which a death counts as too soon."""
_TOLERATED: Final = 3
"""So many deaths in a row may come too soon before the next start has to wait."""
_FIRST_WAIT: Final = 0.05
_LONGEST_WAIT: Final = 0.5
"""Seconds; a policy that is mended is live within one."""


class Backoff:
    """Decides when the next process may be started. Times are seconds of one steady clock."""

    def __init__(self) -> None:
        self._in_a_row = 0
        self._not_before = 0.0
        self._latest = 0.0
        """since when the one was there that died too soon last"""

    def record_death(self, now: float, since: float, *, served: bool = True) -> bool:
        """Take note of a death.

        Args:
            now: when.
            since: when the process began to serve, or was started if it never did.
            served: whether it ever was of use; one that never was has died too soon at any age.

        Returns:
            Whether this is the one from which on starts have to wait.
        """
        if served and now - since >= _STABLE_AFTER:
            if since > self._latest:
                self._in_a_row = 0
            return False
        self._in_a_row += 1
        self._latest = max(self._latest, since)
        excess = self._in_a_row - _TOLERATED
        if excess < 0:
            return False
        self._not_before = now + min(_LONGEST_WAIT, _FIRST_WAIT * 2.0 ** min(excess, 10))
        return excess == 0

    @property
    def waits(self) -> bool:
        """Whether processes die so fast that starts have to wait."""
        return self._in_a_row >= _TOLERATED

    def wait(self, now: float) -> float:
        """Say how many seconds the next start has to wait; 0 for none."""
        return max(0.0, self._not_before - now) if self.waits else 0.0

    def record_survival(self, now: float, since: float) -> bool:
        """Take note of a process that lives; say whether that ends the waiting.

        One that was there before the last that died does not show that starts are any better.

        Args:
            now: the time.
            since: since when it serves, or was started if it does not.
        """
        if not self._in_a_row or since <= self._latest or now - since < _STABLE_AFTER:
            return False
        waited, self._in_a_row = self.waits, 0
        return waited
