"""The rule file while attempts are decided: looked at, read again when it changed, swapped in."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Final

from hookframe_routing.content import Content, Stamp, never_read, read_content, stamp_of
from hookframe_routing.problems import Problem, RoutingError

if TYPE_CHECKING:
    from collections.abc import Callable

    from hookframe_routing.table import Table

_SETTLED: Final = 0.1
"""Seconds for which nobody has written: half of a file may be valid TOML, and is half a policy."""
_PATIENCE: Final = 0.1
"""Seconds for which one attempt waits for a new table. Tables of a few hundred rules are there by
then; a longer one is awaited by later attempts, so that no attempt outlives its deadline for it."""


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
        self._content = never_read(path)
        self._missing: RoutingError | None = None
        self._unsettled: tuple[Stamp, float] | None = None
        self._reading: _Reading | None = None
        self._next_look = clock()

    def refresh(self) -> None:
        """Read the file now unless it is known as it is, whether or not it is time for a look.

        Raises:
            RoutingError: it can't be read, or its rules are wrong.
        """
        stamp, _ = stamp_of(self._path)
        if not self._content.is_still(stamp):
            self._adopt(read_content(self._path, self._further, self._content))
        self._missing = None
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
        error = self._missing or self._content.error
        if error is not None:
            # A new exception each time: one that is raised again collects a traceback each time.
            raise error.again()
        assert self._content.table is not None  # noqa: S101  (there is one where no error is)
        return self._content.table

    def _look(self) -> None:
        """See whether the file changed, and have it read if so.

        When the next look is due is set last: a look that a deadline cuts short is made again at
        the next attempt, rather than forgotten.
        """
        try:
            stamp, age = stamp_of(self._path)
        except RoutingError as error:
            self._missing = error
            self._next_look = self._clock() + self._check_every
            return
        if self._content.is_still(stamp):
            self._missing = None
        elif not self._is_settled(stamp, age) or not self._has_read(stamp):
            self._next_look = self._clock() + min(_SETTLED, self._check_every)
            return
        self._next_look = self._clock() + self._check_every

    def _is_settled(self, stamp: Stamp, age: float) -> bool:
        """Say whether nobody is writing any more: by the file's age, or as its stamp stays.

        The second way is for a file whose times lie in the future.
        """
        if age > _SETTLED or stamp == self._content.stamp:
            return True
        now = self._clock()
        if self._unsettled is None or self._unsettled[0] != stamp:
            self._unsettled = (stamp, now)
        return now - self._unsettled[1] >= _SETTLED

    def _has_read(self, stamp: Stamp) -> bool:
        """Read the file beside the attempts, and take over what it says once that is there."""
        reading = self._reading
        if reading is None or reading.is_of_no_use(stamp):
            reading = self._reading = _Reading(self._path, self._further, self._content, stamp)
            reading.start()
        reading.join(_PATIENCE)
        if reading.content is None:
            return False
        self._adopt(reading.content)
        self._missing = None
        return True

    def _adopt(self, content: Content) -> None:
        self._content = content
        self._unsettled = None
        self._reading = None


class _Reading(threading.Thread):
    """Reads the file and makes its table, however long that takes."""

    def __init__(self, path: str, further: frozenset[str], known: Content, stamp: Stamp) -> None:
        super().__init__(name="hookframe-routing", daemon=True)
        self.content: Content | None = None
        self._work = (path, further, known)
        self._stamp = stamp

    def is_of_no_use(self, stamp: Stamp) -> bool:
        """Say whether the file has changed since, or a fork has left the thread in the parent."""
        return not self.is_alive() and (self.content is None or self._stamp != stamp)

    def run(self) -> None:
        try:
            self.content = read_content(*self._work)
        except Exception as error:  # noqa: BLE001  (it must reach the attempts, not be lost here)
            text = f"can't be made a table: {type(error).__name__}: {error}"
            wrong = RoutingError([Problem("", text)], self._work[0])
            self.content = Content(None, False, b"", None, wrong)
