"""Tells the supervisor whether clients wait to be accepted while every worker dozes."""

from __future__ import annotations

from collections.abc import Sequence
from select import POLLIN, poll
from selectors import EVENT_READ, BaseSelector
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookframe.daemon.sockets import Listener


class Backlog:
    """The clients that no worker has accepted.

    A worker that dozes is woken by the first of them, and so is the supervisor, as the worker may
    be stuck. While workers are awake nobody looks here: they show by themselves that they live.

    Args:
        listeners: the open sockets.
        selector: by which the supervisor waits.
    """

    def __init__(self, listeners: Sequence[Listener], selector: BaseSelector) -> None:
        self._sockets = [listener.socket for listener in listeners]
        self._selector = selector
        self._watched = False
        self._poll = poll()
        for each in self._sockets:
            self._poll.register(each, POLLIN)
        self.waited_since: float | None = None
        """since when clients have been waiting, by the monotonic clock; None while none does"""

    def look(self) -> bool:
        """Say whether clients wait; if none does, the next one wakes the supervisor."""
        if self._poll.poll(0):
            self._sleep_on()
            if self.waited_since is None:
                self.waited_since = monotonic()
            return True
        self.waited_since = None
        if not self._watched:
            self._watched = True
            for each in self._sockets:
                self._selector.register(each, EVENT_READ)
        return False

    def leave(self) -> None:
        """Look no more: there are workers that are awake."""
        self.waited_since = None
        self._sleep_on()

    def _sleep_on(self) -> None:
        """Let clients come without waking the supervisor."""
        if self._watched:
            self._watched = False
            for each in self._sockets:
                self._selector.unregister(each)
