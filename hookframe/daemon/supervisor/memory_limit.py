"""Find the workers over limits.max_memory, and the standbys that can replace them."""

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
"""Seconds between two checks."""
_IMPROVEMENT: Final = 0.9
"""The part of the limit below which a new worker is an improvement."""
_WARNING_INTERVAL: Final = 60.0
"""Seconds between two warnings that the limit is too small for the policy."""
_MEBIBYTE: Final = 1 << 20


class MemoryLimit:
    """Finds workers over the limit, at most twice a second.

    Args:
        log: takes the warnings.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._checked_at = 0.0
        self._warned_at = -_WARNING_INTERVAL

    def find_over_limit(
        self, workers: Sequence[Child], spares: Sequence[Child]
    ) -> Iterator[tuple[Child, Child]]:
        """Yield each worker to replace, with the standby that takes its place.

        Args:
            workers: the serving workers.
            spares: the standbys.
        """
        now = monotonic()
        if now - self._checked_at < _INTERVAL:
            return
        self._checked_at = now
        left = list(spares)
        for worker in workers:
            limit, used = worker.post.slot.fields[MAX_MEMORY], read_memory(worker.pid)
            if not (limit and used > limit and left):
                continue
            seen = (
                f"the worker {worker.pid} has {used // _MEBIBYTE} MiB of memory, limits.max_memory "
                f"is {limit // _MEBIBYTE} MiB"
            )
            if read_memory(left[-1].pid) < limit * _IMPROVEMENT:
                self._log.warning(f"{seen}: it is replaced")
                yield worker, left.pop()
            elif now - self._warned_at > _WARNING_INTERVAL:
                self._warned_at = now
                self._log.warning(f"{seen}; a new worker uses almost as much: raise the limit")
