"""The rule file while attempts are decided: looked at, read again when it changed, swapped in."""

from __future__ import annotations

import os
import threading
import time
from typing import TYPE_CHECKING, Final

from hookframe_routing.content import being_written, failed, known_or_read, look

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookframe_routing.content import Content
    from hookframe_routing.table import Table

_PATIENCE: Final = 0.1
"""Seconds for which one attempt waits for a new table at most. It waits as long as it is late for
the look: among many attempts none does, and one that comes alone finds what was saved before it."""
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
        self._reading: _Reading | None = None
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
        if snapshot.settled:
            self._adopt(known_or_read(snapshot, self._further, self._content))

    def _adopt(self, content: Content) -> None:
        self._content = content
        self._reading = None

    def _look(self) -> None:
        """See whether the file changed, and have it read beside the attempts if so.

        What the attempts do themselves is one `stat`: to read a large file costs more than to
        decide, and each time that it waits for the disk, the thread that makes the table is in
        its way. When the next look is due is set last: a look that a deadline cuts short is made
        again at the next attempt, rather than forgotten.
        """
        now = self._clock()
        done = self._is_as_known() or self._has_followed(now - self._next_look)
        self._next_look = now + (self._check_every if done else min(_SOON, self._check_every))

    def _is_as_known(self) -> bool:
        return self._reading is None and self._content.seen.is_unchanged()

    def _has_followed(self, late: float) -> bool:
        """Take over what was read; say whether that is done, or has to wait.

        Args:
            late: for how many seconds it has been time for this look.
        """
        reading = self._reading
        if reading is None and not os.path.exists(self._path):  # noqa: PTH110  (said at once)
            reading = _Reading(self._path, self._further, self._content)
            reading.run()
        elif reading is None:
            reading = self._reading = _Reading(self._path, self._further, self._content)
            reading.start()
            reading.join(min(_PATIENCE, late))
        if reading.is_alive():
            return False
        self._reading = None
        if reading.content is None:  # somebody is writing it, or a fork left the thread behind
            return False
        self._content = reading.content
        return True


class _Reading(threading.Thread):
    """Reads the file and makes a table of it, however long that takes.

    Args:
        path: the rule file.
        further: the keys beyond the nine that rules may match.
        known: what was read last.
    """

    def __init__(self, path: str, further: frozenset[str], known: Content) -> None:
        super().__init__(name="hookframe-routing", daemon=True)
        self.content: Content | None = None
        """what was read; None where somebody is writing it"""
        self._work = (path, further, known)

    def run(self) -> None:
        """Read it; what goes wrong must reach the attempts, and not be lost here."""
        path, further, known = self._work
        snapshot = look(path)
        if not snapshot.settled:
            return
        try:
            self.content = known_or_read(snapshot, further, known)
        except Exception as error:  # noqa: BLE001  (said in every attempt)
            self.content = failed(snapshot, error)
