"""Find the workers that need too much, and the standbys that can replace them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Final

from hookframe.daemon import channel
from hookframe.daemon.process import read_memory

if TYPE_CHECKING:
    from hookframe.daemon.supervisor.child import Child
    from hookframe.log.log import Log

MEMORY: Final = "memory"
_INTERVAL: Final = 0.5
"""Seconds between two checks."""
_IMPROVEMENT: Final = 0.9
"""The part of what a worker uses below which a new worker is an improvement."""
_WARNING_INTERVAL: Final = 60.0
"""Seconds between two warnings that a limit is too small for the policy."""
_MEBIBYTE: Final = 1 << 20


class Replacement:
    """Finds workers to replace, at most twice a second.

    Args:
        log: takes the reasons.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._checked_at = 0.0
        self._warned_at = -_WARNING_INTERVAL
        self._requests: dict[int, tuple[str, str]] = {}
        """by process id: the kind of reason, and its text"""

    def request(self, pid: int, reason: str, text: str) -> None:
        """Record that a worker asks to be replaced.

        Args:
            pid: the worker.
            reason: the kind, as the status counts it.
            text: why, for the log.
        """
        self._requests.setdefault(pid, (reason, text))

    def forget(self, pid: int) -> None:
        """Forget a process that has ended."""
        self._requests.pop(pid, None)

    def find(
        self, workers: Sequence[Child], spares: Sequence[Child], max_memory: int
    ) -> Iterator[tuple[Child, Child, str]]:
        """Yield each worker to replace, the standby that takes its place, and the kind of reason.

        Args:
            workers: the serving workers.
            spares: the standbys.
            max_memory: the limit in bytes.
        """
        now = monotonic()
        if now - self._checked_at < _INTERVAL:
            return
        self._checked_at = now
        left = list(spares)
        for worker in workers:
            if not left:
                return
            reason = self._find_reason(worker, left[-1], max_memory, now)
            if reason:
                self._requests.pop(worker.pid, None)
                yield worker, left.pop(), reason

    def _find_reason(self, worker: Child, spare: Child, max_memory: int, now: float) -> str:
        """Return why a worker is replaced; empty if it stays."""
        used = read_memory(worker.pid)
        if max_memory and used > max_memory:
            seen = (
                f"the worker {worker.pid} has {used // _MEBIBYTE} MiB of memory, limits.max_memory "
                f"is {max_memory // _MEBIBYTE} MiB"
            )
            if read_memory(spare.pid) < max_memory * _IMPROVEMENT:
                self._log.warning(f"{seen}: it is replaced")
                return MEMORY
            self._warn(f"{seen}; a new worker uses almost as much: raise the limit", now)
        reason, text = self._requests.get(worker.pid, ("", ""))
        if reason == channel.DESCRIPTORS:
            more, less = _count_descriptors(worker.pid), _count_descriptors(spare.pid)
            if less >= more * _IMPROVEMENT:
                self._requests.pop(worker.pid)
                self._warn(f"{text}; a new worker has almost as many open: raise the limit", now)
                return ""
        if reason:
            self._log.warning(f"the worker {worker.pid} is replaced: {text}")
        return reason

    def _warn(self, text: str, now: float) -> None:
        if now - self._warned_at > _WARNING_INTERVAL:
            self._warned_at = now
            self._log.warning(text)


def _count_descriptors(pid: int) -> int:
    try:
        return len(os.listdir(f"/proc/{pid}/fd"))  # noqa: PTH208  (numbers only)
    except OSError:
        return 0
