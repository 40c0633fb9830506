"""The rule file while attempts are decided: looked at, read again when it changed, swapped in."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from hookframe_routing.content import being_written, failed, look, read_content

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookframe import Snapshot
    from hookframe_routing.content import Content
    from hookframe_routing.table import Table

_PATIENCE: Final = 0.1
"""Seconds for which one attempt waits for a new table. Tables of a few hundred rules are there by
then; a longer one is awaited by later attempts, so that no attempt outlives its deadline for it."""
_FIRST_PATIENCE: Final = 1.0
"""Seconds for which `refresh` waits for who is writing a file that is not known yet."""
_SOON: Final = 0.1
"""Seconds between two looks, at most, as long as a change is not in force."""


class RuleFile:
    """A table that follows its file; `refresh` reads it for the first time.

    Args:
        path: the absolute path.
        further: the keys beyond the nine that rules may match.
        check_every: seconds between two looks at the file; 0 looks at every attempt.
        clock: tells the time in seconds, and never goes back.
    """

    def __init__(
        self,
        path: str,
        further: frozenset[str],
        check_every: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._further = further
        self._check_every = check_every
        self._clock = clock
        self._content = being_written(path)
        self._making: _Making | None = None
        self._next_look = clock()

    def refresh(self) -> None:
        """Read the file now unless it is known as it is, whether or not it is time for a look.

        A table that is known stays while somebody is writing the file.

        Raises:
            RoutingError: it can't be read, its rules are wrong, or nothing is known of it and
                somebody is writing it and does not come to an end.
        """
        if not self._content.seen.is_unchanged():
            self._read_now()
        self._next_look = self._clock() + self._check_every
        self._checked()

    def table(self) -> Table:
        """Give the table for one attempt, after a look at the file if it is time for one.

        Raises:
            RoutingError: what the last look found wrong, again at every attempt until a look
                finds it mended.
        """
        if self._clock() >= self._next_look:
            self._look()
        return self._checked()

    def _checked(self) -> Table:
        error = self._content.error
        if error is not None:
            # A new exception each time: one that is raised again collects a traceback each time.
            raise error.again()
        assert self._content.table is not None  # noqa: S101  (there is one where no error is)
        return self._content.table

    def _read_now(self) -> None:
        """Read the file, after a wait for its writer if there is no table to go on with."""
        give_up = time.monotonic() + _FIRST_PATIENCE
        snapshot = look(self._path)
        while not snapshot.settled and self._content.table is None:
            if time.monotonic() >= give_up:
                self._adopt(being_written(self._path))
                return
            time.sleep(_SOON)
            snapshot = look(self._path)
        if snapshot.settled and not self._is_known(snapshot):
            self._adopt(read_content(snapshot, self._further))

    def _look(self) -> None:
        """See whether the file changed, and have it read if so.

        When the next look is due is set last: a look that a deadline cuts short is made again at
        the next attempt, rather than forgotten.
        """
        done = self._content.seen.is_unchanged() or self._follow(look(self._path))
        wait = self._check_every if done else min(_SOON, self._check_every)
        self._next_look = self._clock() + wait

    def _follow(self, snapshot: Snapshot) -> bool:
        """Take over what was read; say whether that is done, or has to wait."""
        if not snapshot.settled:
            return False
        if self._is_known(snapshot):
            return True
        if snapshot.error is not None:
            self._adopt(read_content(snapshot, self._further))
            return True
        return self._has_made(snapshot)

    def _is_known(self, snapshot: Snapshot) -> bool:
        """Say whether the bytes are those of the table, and remember when they were seen."""
        if snapshot.fingerprint != self._content.fingerprint:
            return False
        self._adopt(self._content.seen_again(snapshot))
        return True

    def _has_made(self, snapshot: Snapshot) -> bool:
        """Make the table beside the attempts, and take it over once it is there."""
        making = self._making
        if making is None or making.is_of_no_use(snapshot):
            making = self._making = _Making(snapshot, self._further)
            making.start()
        making.join(_PATIENCE)
        if making.content is None:
            return False
        self._adopt(making.content)
        return True

    def _adopt(self, content: Content) -> None:
        self._content = content
        self._making = None


class _Making(threading.Thread):
    """Makes a table, however long that takes."""

    def __init__(self, snapshot: Snapshot, further: frozenset[str]) -> None:
        super().__init__(name="hookframe-routing", daemon=True)
        self.content: Content | None = None
        self._work = (snapshot, further)
        self._fingerprint = snapshot.fingerprint

    def is_of_no_use(self, snapshot: Snapshot) -> bool:
        """Say whether the file has other bytes by now, or a fork left the thread in the parent."""
        left = not self.is_alive() and self.content is None
        return left or self._fingerprint != snapshot.fingerprint

    def run(self) -> None:
        try:
            self.content = read_content(*self._work)
        except Exception as error:  # noqa: BLE001  (it must reach the attempts, not be lost here)
            self.content = failed(self._work[0], error)
