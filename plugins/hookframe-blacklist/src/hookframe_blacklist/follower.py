"""A large list is followed: a thread looks at its file, and has it read while attempts go on."""

from __future__ import annotations

import os
from dataclasses import replace
from math import inf
from threading import Event, Thread, current_thread
from time import monotonic
from typing import TYPE_CHECKING, Final

from hookframe_blacklist.errors import BlacklistError

if TYPE_CHECKING:
    from hookframe import Snapshot
    from hookframe_blacklist.aside import Reading
    from hookframe_blacklist.listfile import ListFile, ListPath
    from hookframe_blacklist.store import Store

_SOON: Final = 0.1
"""Seconds between two looks, at least; and as long as somebody is writing the list."""
_AGAIN: Final = 1.0
"""Seconds until a list is read again whose file's stamp is too young to prove anything."""


class News:
    """Says that a follower has found something out since it was last asked."""

    __slots__ = ("any",)

    def __init__(self) -> None:
        self.any = False


class Follower:
    """Keeps one large list as its file is, by a thread of its own.

    Attempts are decided by the list as it is known; they never wait for the thread, and it needs
    the interpreter for moments only.

    Args:
        where: the list.
        known: the list as it was last read, or None.
        check_every: seconds between two looks at the file.
        news: is told of all that is found.
        store: has tables that were made before, or None.
    """

    def __init__(
        self,
        where: ListPath,
        known: ListFile | None,
        check_every: float,
        news: News,
        store: Store | None,
    ) -> None:
        self._where = where
        self._store = store
        self._check_every = check_every
        self._news = news
        self._found: tuple[ListFile | None, str | None] = known, None
        self._seen: Snapshot | None = known.seen if known else None
        self._again = 0.0
        self._settled = True
        self._reading: Reading | None = None
        self._closing = False
        self._start()

    def _start(self) -> None:
        self._wake, self._looked = Event(), Event()
        self._thread = Thread(target=self._follow, name="hookframe-blacklist", daemon=True)
        self._thread.start()

    def is_current(self) -> bool:
        """Say, after a `stat`, whether the file is as the thread last saw it."""
        seen = self._seen
        return seen is not None and _is_as(seen)

    def look_now(self) -> None:
        """Have the thread look at once. A process that was forked has no thread yet."""
        if not self._thread.is_alive() and not self._closing:
            self._start()
        self._wake.set()

    def wait(self) -> None:
        """Wait until the thread has looked once."""
        self._looked.wait()

    def found(self) -> ListFile | None:
        """Give the list as it is known; None where somebody is writing it, and it never was.

        Raises:
            BlacklistError: it can't be used.
        """
        known, problem = self._found
        if problem is not None:
            raise BlacklistError(problem)
        return known

    def close(self) -> None:
        """End the thread, and the process that it may have started."""
        self._closing = True
        self._wake.set()
        reading = self._reading
        if reading is not None:
            reading.cancel()
        if self._thread is not current_thread():
            self._thread.join()

    def _follow(self) -> None:
        while not self._closing:
            if self._is_changed():
                self._read()
            self._looked.set()
            self._wake.wait(max(self._check_every, _SOON) if self._settled else _SOON)
            self._wake.clear()

    def _is_changed(self) -> bool:
        if not os.path.exists(self._where.path):  # noqa: PTH110  (faster than a Path)
            return False  # attempts notice that themselves, and no process is needed to tell
        seen = self._seen
        if seen is None or not self._settled:
            return True
        if seen.is_unchanged():
            return False
        return monotonic() >= self._again or not _is_as(seen)

    def _read(self) -> None:
        from hookframe_blacklist.aside import Reading  # noqa: PLC0415  (only for a changed list)

        self._again = monotonic() + _AGAIN
        self._seen = None
        try:
            with Reading(self._where) as reading:
                self._reading = reading
                if self._closing:
                    return
                self._settled = False
                for found in reading.lists(self._found[0], self._store):
                    self._settled = True
                    self._tell(reading.seen, found, None)
        except BlacklistError as error:
            self._settled = True
            self._tell(self._reading.seen if self._reading else None, None, str(error))
        except Exception as error:  # noqa: BLE001  (without the thread the list would stay for ever)
            self._tell(None, None, f"{self._where.path} can't be read: {error!r}")
        finally:
            self._reading = None

    def _tell(self, seen: Snapshot | None, found: ListFile | None, problem: str | None) -> None:
        if not self._closing:
            self._found = found, problem
            self._seen = seen
            self._news.any = True
            self._looked.set()


def _is_as(seen: Snapshot) -> bool:
    """Say whether a file has the stamp that it had, however young that was."""
    return replace(seen, age=inf).is_unchanged()
