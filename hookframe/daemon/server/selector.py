"""Whose turn it is: clients that have sent something, and what asyncio waits for beside them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from select import EPOLL_CLOEXEC, EPOLLET, EPOLLIN, EPOLLOUT, EPOLLRDHUP, epoll
from selectors import EpollSelector, SelectorKey
from time import monotonic
from typing import Final

_MOST: Final = 64
"""Events that are taken from the system at a time; what asyncio has to do comes after them."""
_NEWS: Final = EPOLLIN | EPOLLRDHUP | EPOLLET


class ClientSelector(EpollSelector):
    """asyncio's selector, which looks after the clients itself.

    To asyncio a client is a transport, a protocol, and a handle for each thing that happens. For
    one that connects to ask once, which is what a mail server does, all these cost several times
    what its answer does. Here it costs one registration, and one call for each event; asyncio has
    its turn when one of its own descriptors is ready, or when its next timer is due.
    """

    def __init__(self) -> None:
        super().__init__()
        self._epoll = epoll(flags=EPOLL_CLOEXEC)
        self._asyncio = self.fileno()
        self._epoll.register(self._asyncio, EPOLLIN)
        self._events: dict[int, Callable[[int], object]] = {}
        self._later: deque[Callable[[], object]] = deque()

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """Make the event loop that waits by this."""
        return asyncio.SelectorEventLoop(self)

    def listen(self, number: int, ready: Callable[[int], object]) -> None:
        """Call a function whenever there is something to accept.

        Args:
            number: the descriptor of a listening socket.
            ready: takes the events, a mask as epoll(7) has it.
        """
        self._events[number] = ready
        self._epoll.register(number, EPOLLIN)

    def watch(self, number: int, ready: Callable[[int], object], *, writing: bool) -> None:
        """Call a function whenever there is news of a client, as `listen` does.

        News is what was not there before: the function reads until there is nothing more, or asks
        for another turn. So nothing has to be changed here while a client's requests wait.

        Args:
            number: the descriptor of its socket.
            ready: takes the events.
            writing: whether it is news too that the client has read something.
        """
        events = _NEWS | EPOLLOUT if writing else _NEWS
        if number in self._events:
            self._epoll.modify(number, events)
        else:
            self._events[number] = ready
            self._epoll.register(number, events)

    def forget(self, number: int) -> None:
        """Call nobody any more for a descriptor that is about to be closed."""
        self._events.pop(number, None)

    def ignore(self, number: int) -> None:
        """Call nobody any more for a descriptor that stays open."""
        if self._events.pop(number, None) is not None:
            with suppress(OSError):  # a hook has closed it
                self._epoll.unregister(number)

    def call_later(self, turn: Callable[[], object]) -> None:
        """Call a function once, when all others have had their turn."""
        self._later.append(turn)

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """Give clients their turns, until asyncio has something to do."""
        until = None if timeout is None else monotonic() + timeout
        poll, events, later, own = self._epoll.poll, self._events, self._later, self._asyncio
        asked = False
        while not asked:
            if later:
                patience: float | None = 0
            elif until is None:
                patience = None
            else:
                patience = max(0, until - monotonic())
            waiting = len(later)
            for number, event in poll(patience, _MOST):
                if number == own:
                    asked = True
                elif number in events:
                    events[number](event)
            for _ in range(waiting):
                later.popleft()()
            asked = asked or (until is not None and monotonic() >= until)
        return super().select(0)

    def close(self) -> None:
        """Close both: asyncio's descriptors and the clients' are no longer waited for."""
        self._epoll.close()
        super().close()
