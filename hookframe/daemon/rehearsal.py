"""A standby loads what was saved before a worker does, and tells by the board how that went."""

from __future__ import annotations

from contextlib import suppress
from threading import Lock, current_thread, main_thread
from time import monotonic
from typing import TYPE_CHECKING, Final

from hookframe.daemon.scoreboard import DEADLY, SUSPECT, TRIED, TRIED_AS_LOADED, TRYING
from hookframe.host.rehearsal import Advice, Numbers, Rehearsal

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Callable, Iterator

    from hookframe.daemon.scoreboard import Scoreboard, Slot

_PROMPT: Final = 0.05
"""Seconds in which a standby begins that the system has told of a change."""
_PATIENCE: Final = 0.5
"""Seconds in which somebody begins; after that the worker goes first itself."""
_LONGEST: Final = 10.0
"""The same where one has died of it, and a second one must tell whether that was chance."""
_CERTAIN: Final = 2
"""So many who have died of a policy are no chance."""


class StandbyFirst(Rehearsal):
    """A child's side: a standby loads at once, and a worker what another child has survived.

    A worker for which nobody goes first does so itself. A standby that comes too late for that
    waits, as a worker does: should the worker die of it, there is nobody else to take its place.

    Args:
        board: where all children tell what they load.
        slot: this one's.
        alert: is called when a worker is asked about a policy that nobody has begun to load.
    """

    alone = False

    def __init__(
        self, scoreboard: Scoreboard, slot: Slot, alert: Callable[[], None] = lambda: None
    ) -> None:
        self._scoreboard = scoreboard
        self._alert = alert
        self._slot = slot
        self._asked: Numbers | None = None
        self._since = 0.0
        self._alone = False
        """whether this worker may be the only one who knows of what it has been asked about"""
        self._came_second = False
        """whether another process was loading what this standby has been asked about"""
        self.serving = False
        self._attaching = Lock()
        self._loop: AbstractEventLoop | None = None
        self._unnoted: tuple[Numbers, Numbers] | None = None

    def begin(self, policy: Numbers) -> None:
        """Note that this process loads a policy."""
        self._slot.fields[TRYING] = policy.core

    def survived(self, as_read: Numbers, as_loaded: Numbers) -> None:
        """Note that this process has come to the end of that.

        The main thread notes it: a signal that was to end the process has reached that one first.
        """
        if current_thread() is main_thread():
            self._note(as_read, as_loaded)
            return
        with self._attaching, suppress(RuntimeError):  # the loop is closed: nobody waits for us
            if self._loop is None:
                self._unnoted = as_read, as_loaded
            else:
                self._loop.call_soon_threadsafe(self._note, as_read, as_loaded)

    def attach(self, loop: AbstractEventLoop) -> None:
        """Let the main thread's event loop note from now on what other threads have loaded."""
        with self._attaching:
            self._loop = loop
            if self._unnoted:
                self._note(*self._unnoted)

    def _note(self, as_read: Numbers, as_loaded: Numbers) -> None:
        fields = self._slot.fields
        fields[TRIED], fields[TRIED_AS_LOADED] = as_read.whole, as_loaded.whole
        if fields[TRYING] == as_read.core:
            fields[TRYING] = 0

    def advice(self, policy: Numbers) -> Advice:
        """Say whether to load a policy.

        Who has died of it was perhaps a fresh process, which knew no more of it than its own files.
        So a policy is refused by its core, until somebody has survived it as a whole.
        """
        now = monotonic()
        if policy != self._asked:
            self._asked, self._since, self._came_second = policy, now, False
            self._alone = self.serving
        if not (self.serving or self._came_second):
            if self._claim(policy):
                return Advice.LOAD
            self._came_second = True
        if any(policy.whole in (fields[TRIED], fields[TRIED_AS_LOADED]) for fields in self._others):
            return Advice.LOAD
        supervisor = self._scoreboard.own.fields
        if supervisor[DEADLY] == policy.core:
            return Advice.REFUSE
        if self._is_tried(policy):
            self._since = now
        patience = _LONGEST if supervisor[SUSPECT] == policy.core else _PATIENCE
        if now - self._since >= patience and self._claim(policy):
            return Advice.LOAD
        if self._alone and now - self._since >= _PROMPT:
            self._alone = False
            self._alert()
        return Advice.WAIT

    @property
    def _others(self) -> Iterator[memoryview]:
        return (slot.fields for slot in self._scoreboard.slots if slot is not self._slot)

    def _is_tried(self, policy: Numbers) -> bool:
        return any(fields[TRYING] == policy.core for fields in self._others)

    def _claim(self, policy: Numbers) -> bool:
        """Be the one who loads a policy, unless another process is.

        Of two who write first and then look, one at least sees the other.
        """
        self._slot.fields[TRYING] = policy.core
        if self._is_tried(policy):
            self._slot.fields[TRYING] = 0
            return False
        return True


class LoadCrashes:
    """The supervisor's side: who died of which policy.

    Args:
        slot: the supervisor's, where the children read it.
    """

    def __init__(self, slot: Slot) -> None:
        self._fields = slot.fields
        self._deaths = 0

    def record_death(self, slot: Slot, *, certain: bool = False) -> None:
        """Take note of a child that has died, or is killed.

        Args:
            slot: what it has written.
            certain: whether it is killed because loading does not end.
        """
        policy = slot.fields[TRYING]
        of_an_attempt = slot.in_progress is not None and not certain
        if not policy or of_an_attempt:
            return
        self._deaths = self._deaths + 1 if policy == self._fields[SUSPECT] else 1
        self._fields[SUSPECT] = policy
        if certain or self._deaths >= _CERTAIN:
            self._fields[DEADLY] = policy
