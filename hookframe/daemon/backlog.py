"""Tells the supervisor whether clients wait to be accepted: a worker that dozes should do so."""

from __future__ import annotations

from collections.abc import Sequence
from select import EPOLL_CLOEXEC, EPOLLIN, epoll
from selectors import EVENT_READ, BaseSelector
from time import monotonic
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookframe.daemon.sockets.listener import Listener


class Backlog:
    """The clients that nobody has accepted.

    Args:
        listeners: the open sockets.
        selector: by which the supervisor waits.
    """

    def __init__(self, listeners: Sequence[Listener], selector: BaseSelector) -> None:
        self._selector = selector
        # Unlike that of poll(2), its size has nothing to do with a limit of open files.
        self._epoll = epoll(flags=EPOLL_CLOEXEC)
        for listener in listeners:
            self._epoll.register(listener.socket, EPOLLIN)
        self._watched = False
        self.waited_since: float | None = None
        """since when clients have been waiting, by the monotonic clock; None while none does"""

    def look(self) -> bool:
        """Say whether clients wait; no further one wakes the supervisor, which looks again soon."""
        if self._watched:
            self._watched = False
            self._selector.unregister(self._epoll)
        if not self._epoll.poll(0):
            self.waited_since = None
        elif self.waited_since is None:
            self.waited_since = monotonic()
        return self.waited_since is not None

    def watch(self) -> bool:
        """Have the next client wake the supervisor; say whether it can rest until then."""
        if self.look():
            return False
        self._watched = True
        self._selector.register(self._epoll, EVENT_READ)
        return True

    def close(self) -> None:
        """Look no more, as a child of the supervisor must not."""
        self._epoll.close()
