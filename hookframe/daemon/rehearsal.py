"""A standby loads a changed policy before a worker does, and publishes the result."""

from __future__ import annotations

from threading import Lock, current_thread, main_thread
from time import monotonic
from typing import TYPE_CHECKING, Final

from hookframe.daemon.scoreboard import DEADLY, SUSPECT, TRIED, TRIED_AS_LOADED, TRYING
from hookframe.host.rehearsal import Advice, Numbers, Rehearsal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hookframe.daemon.loop import Loop
    from hookframe.daemon.scoreboard import Scoreboard, Slot

_PROMPT: Final = 0.05
"""Seconds in which a standby begins that has noticed the change itself."""
_PATIENCE: Final = 0.5
"""Seconds in which another process begins; after that the worker loads first."""
_LONGEST: Final = 10.0
"""The same after one process has crashed, and a second one must confirm the cause."""
_CERTAIN: Final = 2
"""The number of crashes after which a policy is refused."""


class StandbyFirst(Rehearsal):
    """A child's side: a standby loads at once, and a worker what another child has survived.

    A worker loads first itself if no standby begins. A standby that comes too late for that waits
    too, so that it can replace the worker after a crash.

    Args:
        scoreboard: where all children publish what they load.
        slot: this child's.
        alert: is called for a changed policy that no process has begun to load.
    """

    def __init__(
        self, scoreboard: Scoreboard, slot: Slot, alert: Callable[[], None] = lambda: None
    ) -> None:
        self._scoreboard = scoreboard
        self._alert = alert
        self._slot = slot
        self._asked: Numbers | None = None
        self._since = 0.0
        self._alone = False
        """whether this worker may be the only process that has noticed the change"""
        self._came_second = False
        """whether another process was already loading the policy when this standby asked"""
        self.serving = False
        self._attaching = Lock()
        self._loop: Loop | None = None
        self._unnoted: tuple[Numbers, Numbers] | None = None

    def begin(self, policy: Numbers) -> None:
        """Publish that this process loads a policy."""
        self._slot.fields[TRYING] = policy.core

    def survived(self, as_read: Numbers, as_loaded: Numbers) -> None:
        """Publish that this process has ended that load.

        The main thread does it: it handles a fatal signal before.
        """
        if current_thread() is main_thread():
            self._note(as_read, as_loaded)
            return
        with self._attaching:
            if self._loop is None:
                self._unnoted = as_read, as_loaded
            else:
                self._loop.call_soon(lambda: self._note(as_read, as_loaded))
                self._loop.wake()

    def attach(self, loop: Loop) -> None:
        """Use the main thread's event loop to publish what other threads have loaded."""
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
        """Return whether to load a policy."""
        # A process that crashed may not have known the plugins' code files yet, so a policy is
        # refused by its own files until one process has loaded it fully.
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
        """Claim the load of a policy; return whether no other process loads it."""
        # Of two processes that write before they read, at least one sees the other.
        self._slot.fields[TRYING] = policy.core
        if self._is_tried(policy):
            self._slot.fields[TRYING] = 0
            return False
        return True


class LoadCrashes:
    """The supervisor's side: counts the crashes of each policy.

    Args:
        slot: the supervisor's slot, which the children read.
    """

    def __init__(self, slot: Slot) -> None:
        self._fields = slot.fields
        self._deaths = 0

    def record_death(self, slot: Slot, *, certain: bool = False) -> None:
        """Record the death of a child.

        Args:
            slot: the child's slot.
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
