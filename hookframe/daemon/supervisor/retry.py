"""When something that has failed is tried again."""

from __future__ import annotations

from typing import Final

_DELAYS: Final = (1.0, 2.0, 5.0, 10.0, 30.0, 60.0)
"""Seconds until the next try, after each failure in a row; the last one repeats."""


class Retry:
    """The delay of the next try. Times are seconds of one steady clock."""

    def __init__(self) -> None:
        self._failures = 0
        self._not_before = 0.0

    def fail(self, now: float) -> None:
        """Record a failure."""
        self._not_before = now + _DELAYS[min(self._failures, len(_DELAYS) - 1)]
        self._failures += 1

    def reset(self) -> None:
        """Record that it is worth a new try at once."""
        self._failures, self._not_before = 0, 0.0

    def due(self, now: float) -> bool:
        """Return whether it may be tried."""
        return now >= self._not_before
