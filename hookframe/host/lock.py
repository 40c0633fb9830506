"""One at a time: attempts, and now and then a change of the chain, which goes first."""

from __future__ import annotations

from collections.abc import Callable
from threading import Condition, RLock
from types import TracebackType
from typing import Final

_PATIENCE: Final = 0.2
"""Seconds for which a change is let in first: should it wait for what the caller holds, the caller
goes on."""


class ReloadLock:
    """The lock of a host. As a context manager it is taken by a change of the chain.

    A lock is not fair: a thread that asks without pause has it again before one that waits for it
    is even awake. So a change says that it waits, and attempts give way.

    Args:
        announce: is called when a change begins to wait, so that attempts look at `waiting`.
    """

    def __init__(self, announce: Callable[[], object]) -> None:
        self._announce = announce
        self.lock = RLock()
        self.waiting = 0
        """how many changes wait, or are being made"""
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
        """Let changes go first that wait; the caller holds the lock, and has it again after it."""
        self.lock.release()
        try:
            with self._changed:
                self._changed.wait_for(lambda: not self.waiting, _PATIENCE)
        finally:
            self.lock.acquire()
