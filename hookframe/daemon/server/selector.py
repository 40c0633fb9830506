"""The selector of the event loop: polls client sockets, schedules their turns."""

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
"""Events that are taken from the system at a time, before asyncio gets its turn."""
_CLIENT_EVENTS: Final = EPOLLIN | EPOLLRDHUP | EPOLLET


class ClientSelector(EpollSelector):
    """asyncio's selector, which handles the clients itself.

    asyncio gets its turn when one of its own descriptors is ready, or its next timer is due.
    """

    # asyncio makes a transport, a protocol and a handle for each event. A mail server connects
    # for each request, so these would cost several times what the answer does.

    def __init__(self) -> None:
        super().__init__()
        self._epoll = epoll(flags=EPOLL_CLOEXEC)
        self._asyncio = self.fileno()
        self._epoll.register(self._asyncio, EPOLLIN)
        self._events: dict[int, Callable[[int], object]] = {}
        self._later: deque[Callable[[], object]] = deque()

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """Return an event loop that uses this selector."""
        return asyncio.SelectorEventLoop(self)

    def listen(self, number: int, ready: Callable[[int], object]) -> None:
        """Call a function whenever there is something to accept.

        Args:
            number: the descriptor of a listening socket.
            ready: takes the events, a mask of epoll(7).
        """
        self._events[number] = ready
        self._epoll.register(number, EPOLLIN)

    def watch(self, number: int, ready: Callable[[int], object], *, writing: bool) -> None:
        """Call a function whenever a client has sent something or closed.

        This is edge-triggered: the function must read until nothing is left, or ask for another
        turn.

        Args:
            number: the descriptor of its socket.
            ready: takes the events.
            writing: whether to call it too when the client has read something.
        """
        events = _CLIENT_EVENTS | EPOLLOUT if writing else _CLIENT_EVENTS
        if number in self._events:
            self._epoll.modify(number, events)
        else:
            self._events[number] = ready
            self._epoll.register(number, events)

    def forget(self, number: int) -> None:
        """Stop watching a descriptor that is about to be closed."""
        self._events.pop(number, None)

    def ignore(self, number: int) -> None:
        """Stop watching a descriptor that stays open."""
        if self._events.pop(number, None) is not None:
            with suppress(OSError):  # a hook closed it
                self._epoll.unregister(number)

    def call_later(self, turn: Callable[[], object]) -> None:
        """Call a function once, after the turns of all others."""
        self._later.append(turn)

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """Run the clients' turns until asyncio has something to do."""
        until = None if timeout is None else monotonic() + timeout
        poll, events, later, own = self._epoll.poll, self._events, self._later, self._asyncio
        asked = False
        while not asked:
            if later:
                wait: float | None = 0
            elif until is None:
                wait = None
            else:
                wait = max(0, until - monotonic())
            waiting = len(later)
            for number, event in poll(wait, _MOST):
                if number == own:
                    asked = True
                elif number in events:
                    events[number](event)
            for _ in range(waiting):
                later.popleft()()
            asked = asked or (until is not None and monotonic() >= until)
        return super().select(0)

    def close(self) -> None:
        """Close asyncio's epoll and the clients'."""
        self._epoll.close()
        super().close()
