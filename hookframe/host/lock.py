"""The lock of a host: one attempt or one change at a time; changes go first."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition, RLock
from types import TracebackType
from typing import Final

_PATIENCE: Final = 0.2
"""Seconds that an attempt waits for changes, as a change may wait for a lock of the caller."""


class ReloadLock:
    """The lock of a host; as a context manager it is taken by a change of the chain.

    Locks are not fair: a thread that asks without pause takes it again before a waiting thread
    wakes up. So a change announces itself, and attempts give way.

    Args:
        announce: called when a change begins to wait, so that attempts check `waiting`.
    """

    def __init__(self, announce: Callable[[], object]) -> None:
        self._announce = announce
        self.lock = RLock()
        self.waiting = 0
        """the number of changes that wait or are being made"""
        self._changed = Condition()

    def __enter__(self) -> None:
        with self._changed:
            self.waiting += 1
        self._announce()
        self.lock.acquire()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.lock.release()
        with self._changed:
            self.waiting -= 1
            self._changed.notify_all()

    def give_way(self) -> None:
        """Release the caller's lock for waiting changes, and take it again."""
        self.lock.release()
        try:
            with self._changed:
                self._changed.wait_for(lambda: not self.waiting, _PATIENCE)
        finally:
            self.lock.acquire()
