"""Attempts and temporary failures of the last minute, of one process or of several."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

PIECE: Final = 10.0
"""Seconds that are counted together."""
PIECES: Final = 6
"""The number of complete pieces that a minute has; the one that is not over counts as well."""

Piece = tuple[int, int, int]
"""The number of a piece by the monotonic clock, its attempts, and its temporary failures."""


class RecentCounter:
    """Counts one process's attempts by the time at which it looks."""

    def __init__(self) -> None:
        self._seen = (0, 0)
        self._pieces: list[Piece] = []

    def update(self, attempts: int, failures: int, now: float) -> list[Piece]:
        """Count what has come since the last call.

        Args:
            attempts: all attempts so far.
            failures: all temporary failures so far.
            now: the monotonic time in seconds.
        """
        before, self._seen = self._seen, (attempts, failures)
        piece = (int(now // PIECE), attempts - before[0], failures - before[1])
        self._pieces = add_pieces((self._pieces, [piece]), now)
        return self._pieces


def add_pieces(parts: Iterable[Iterable[Piece]], now: float) -> list[Piece]:
    """Add up the pieces of several processes, and leave out those that are too old."""
    oldest = int(now // PIECE) - PIECES
    total: dict[int, Piece] = {}
    for number, attempts, failures in (piece for part in parts for piece in part):
        if number >= oldest and (attempts or failures):
            _, before, failed = total.get(number, (number, 0, 0))
            total[number] = (number, before + attempts, failed + failures)
    return sorted(total.values())
