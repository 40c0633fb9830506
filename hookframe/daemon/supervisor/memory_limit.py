"""Whose memory has grown beyond the limit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Final

from hookframe.daemon.process import read_memory
from hookframe.daemon.scoreboard import MAX_MEMORY

if TYPE_CHECKING:
    from hookframe.daemon.supervisor.child import Child
    from hookframe.log.log import Log

_INTERVAL: Final = 0.5
"""Seconds between two weighings."""
_IMPROVEMENT: Final = 0.9
"""Up to which part of the limit a fresh worker may have, to be an improvement."""
_WARNING_INTERVAL: Final = 60.0
"""Seconds between two complaints about a limit that is too small for the policy."""
_MEBIBYTE: Final = 1 << 20


class MemoryLimit:
    """Weighs workers, twice a second at most.

    Args:
        log: is told who is too heavy.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._checked_at = 0.0
        self._warned_at = -_WARNING_INTERVAL

    def find_over_limit(
        self, workers: Sequence[Child], spares: Sequence[Child]
    ) -> Iterator[tuple[Child, Child]]:
        """Give each worker that is to be replaced, and who is to take its place.

        Args:
            workers: those that serve.
            spares: those that are ready to.
        """
        now = monotonic()
        if now - self._checked_at < _INTERVAL:
            return
        self._checked_at = now
        left = list(spares)
        for worker in workers:
            most, has = worker.post.slot.fields[MAX_MEMORY], read_memory(worker.pid)
            if not (most and has > most and left):
                continue
            seen = (
                f"the worker {worker.pid} has {has // _MEBIBYTE} MiB of memory, limits.max_memory "
                f"is {most // _MEBIBYTE} MiB"
            )
            if read_memory(left[-1].pid) < most * _IMPROVEMENT:
                self._log.warning(f"{seen}: it is replaced")
                yield worker, left.pop()
            elif now - self._warned_at > _WARNING_INTERVAL:
                self._warned_at = now
                self._log.warning(f"{seen}; a fresh one has hardly less, so raise the limit")
