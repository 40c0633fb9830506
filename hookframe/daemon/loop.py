"""An event loop: descriptors, timers, signals, and turns."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from heapq import heappop, heappush
from itertools import count
from select import EPOLL_CLOEXEC, EPOLLIN, epoll
from time import monotonic
from types import FrameType
from typing import Final

from hookframe.log.rate import OncePerSecond

_MOST: Final = 64
"""Events that are taken from the system at a time."""


class Timer:
    """A function that is called later, unless `cancel` is called before."""

    __slots__ = ("function",)

    def __init__(self, function: Callable[[], object]) -> None:
        self.function: Callable[[], object] | None = function

    def cancel(self) -> None:
        """Don't call the function any more."""
        self.function = None


class Loop:
    """Calls functions when a descriptor is ready, a time has come, or a signal was received.

    All of them are called in the thread that calls `run`. An error in one of them goes to
    `on_error`, and the loop goes on.

    Args:
        on_error: takes the error, at most one a second, so that it can be logged.
    """

    # asyncio is not used: it makes several objects for each event, which would cost a client with
    # one request several times what its answer does, and a hook could not call `asyncio.run`.

    def __init__(self, on_error: Callable[[Exception], object]) -> None:
        self._on_error = on_error
        self._error_limit = OncePerSecond()
        self._epoll = epoll(flags=EPOLL_CLOEXEC)
        self._ready: dict[int, Callable[[int], object]] = {}
        self._soon: deque[Callable[[], object]] = deque()
        self._timers: list[tuple[float, int, Timer]] = []
        """a heap: when each is due, by the monotonic clock"""
        self._timer_numbers = count()
        self._running = False
        self._woken, self._wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self.watch(self._woken, self._empty_pipe)

    def watch(self, number: int, ready: Callable[[int], object], events: int = EPOLLIN) -> None:
        """Call a function as long as a descriptor is ready; it replaces the one before.

        Args:
            number: the descriptor.
            ready: takes the events, a mask of epoll(7).
            events: the events to wait for; errors are always reported.
        """
        if number in self._ready:
            self._epoll.modify(number, events)
        else:
            self._epoll.register(number, events)
        self._ready[number] = ready

    def forget(self, number: int) -> None:
        """Stop watching a descriptor, before it is closed; do nothing if it is not watched."""
        if self._ready.pop(number, None) is not None:
            with suppress(OSError):  # a hook closed it
                self._epoll.unregister(number)

    def call_later(self, seconds: float, function: Callable[[], object]) -> Timer:
        """Call a function once, after some seconds."""
        timer = Timer(function)
        heappush(self._timers, (monotonic() + seconds, next(self._timer_numbers), timer))
        return timer

    def call_soon(self, function: Callable[[], object]) -> None:
        """Call a function once, after the turns of all others.

        Another thread has to call `wake` too.
        """
        self._soon.append(function)

    def handle_signals(self, functions: Mapping[int, Callable[[], object]]) -> None:
        """Call functions at signals; call this in the main thread.

        Args:
            functions: the function of each signal; it is called by `run`, never in the middle of
                other code.
        """

        def handle(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
            self.call_soon(functions[number])

        for number in functions:
            signal.signal(number, handle)
        # Without it a signal that comes just before the wait would not end the wait.
        signal.set_wakeup_fd(self._wake, warn_on_full_buffer=False)

    def run(self) -> None:
        """Call what is due, until `stop` is called."""
        self._running = True
        while self._running:
            self._take_turn()

    def stop(self) -> None:
        """Let `run` return after the functions that are due now."""
        self._running = False

    def wake(self) -> None:
        """End the wait for events, from another thread or a signal handler."""
        with suppress(BlockingIOError):
            os.write(self._wake, b"\0")

    def close(self) -> None:
        """Close the loop's descriptors; in a forked child this leaves the parent's loop alone."""
        signal.set_wakeup_fd(-1)
        self._epoll.close()
        os.close(self._woken)
        os.close(self._wake)

    def _take_turn(self) -> None:
        """Wait for events, and call what is due."""
        ready, soon, timers = self._ready, self._soon, self._timers
        waiting = len(soon)
        if waiting:
            wait: float | None = 0
        elif timers:
            wait = max(0, timers[0][0] - monotonic())
        else:
            wait = None
        for number, events in self._epoll.poll(wait, _MOST):
            if number in ready:  # another function may have closed it
                try:
                    ready[number](events)
                except Exception as error:  # noqa: BLE001  (the others are not affected)
                    self._report(error)
        for _ in range(waiting):
            self._call(soon.popleft())
        while timers and timers[0][0] <= monotonic():
            timer = heappop(timers)[2]
            if timer.function is not None:
                self._call(timer.function)

    def _call(self, function: Callable[[], object]) -> None:
        try:
            function()
        except Exception as error:  # noqa: BLE001  (the others are not affected)
            self._report(error)

    def _report(self, error: Exception) -> None:
        if self._error_limit.due():
            with suppress(Exception):
                self._on_error(error)

    def _empty_pipe(self, _: int) -> None:
        with suppress(BlockingIOError):
            os.read(self._woken, 4096)
