"""Whose memory has grown beyond the limit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Final

from hookframe.daemon.process import memory_of
from hookframe.daemon.scoreboard import MAX_MEMORY

if TYPE_CHECKING:
    from hookframe.daemon.supervisor.child import Child
    from hookframe.log.log import Log

_PAUSE: Final = 0.5
"""Seconds between two weighings."""
_LIGHTER: Final = 0.9
"""Up to which part of the limit a fresh worker may have, to be an improvement."""
_A_WHILE: Final = 60.0
"""Seconds between two complaints about a limit that is too small for the policy."""
_MEBIBYTE: Final = 1 << 20


class Scales:
    """Weighs workers, twice a second at most.

    Args:
        log: is told who is too heavy.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._weighed_at = 0.0
        self._complained_at = -_A_WHILE

    def too_heavy(
        self, workers: Sequence[Child], spares: Sequence[Child]
    ) -> Iterator[tuple[Child, Child]]:
        """Give each worker that is to be replaced, and who is to take its place.

        Args:
            workers: those that serve.
            spares: those that are ready to.
        """
        now = monotonic()
        if now - self._weighed_at < _PAUSE:
            return
        self._weighed_at = now
        left = list(spares)
        for worker in workers:
            most, has = worker.post.slot.cells[MAX_MEMORY], memory_of(worker.pid)
            if not (most and has > most and left):
                continue
            seen = (
                f"the worker {worker.pid} has {has // _MEBIBYTE} MiB of memory, limits.max_memory "
                f"is {most // _MEBIBYTE} MiB"
            )
            if memory_of(left[-1].pid) < most * _LIGHTER:
                self._log.warning(f"{seen}: it is replaced")
                yield worker, left.pop()
            elif now - self._complained_at > _A_WHILE:
                self._complained_at = now
                self._log.warning(f"{seen}; a fresh one has hardly less, so raise the limit")
