"""Keep children that a hook forks from acting as a second daemon."""

from __future__ import annotations

import os
import signal
import socket
from collections.abc import Callable, Collection, Iterator
from contextlib import suppress
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hookframe.daemon.scoreboard import RequestMarker
    from hookframe.daemon.sockets.listener import Listener

_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)
"""The signals that the daemon handles; in a forked child they have their defaults."""


class ForkGuard:
    """Removes the daemon's sockets and signal handlers from children that a plugin forks.

    Such a child exits when it returns from the hook.

    Args:
        marker: records that its process is such a child.
        listeners: the listening sockets; all sockets with their addresses are the daemon's.
        channel: the descriptor of the channel to the supervisor.
    """

    # A copy of a client's socket would keep the connection open.

    def __init__(self, marker: RequestMarker, listeners: Sequence[Listener], channel: int) -> None:
        self.abandon: Callable[[], None] = lambda: None
        """stops the running attempt, in the child"""
        self._marker = marker
        self._addresses = {_find_address(listener.socket) for listener in listeners}
        self._channel = channel
        self._nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._masks: dict[int, Any] = {}
        """the signal mask of each thread before its fork"""
        os.register_at_fork(
            before=self._hold_signals,
            after_in_parent=self._release_signals,
            after_in_child=self._detach_child,
        )

    def _hold_signals(self) -> None:
        """Block signals while the child still has the daemon's handlers."""
        self._masks[get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)

    def _release_signals(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._masks.pop(get_ident(), ()))

    def _detach_child(self) -> None:
        self._marker.forked = True
        signal.set_wakeup_fd(-1)  # it is the parent's event loop that this would wake
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        self.abandon()
        for descriptor in [self._channel, *_find_sockets(self._addresses)]:
            with suppress(OSError):  # replaced, not closed, so that no later file gets the number
                os.dup2(self._nothing, descriptor, inheritable=False)
        self._release_signals()


def _find_sockets(addresses: Collection[object]) -> Iterator[int]:
    """Yield the descriptors of all sockets whose own address is one of these."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208  (numbers only)
        with suppress(OSError):  # no socket, or the descriptor of the listing itself
            found = socket.socket(fileno=int(name))
            try:
                own = _find_address(found) in addresses
            finally:
                found.detach()
            if own:
                yield int(name)


def _find_address(own: socket.socket) -> object:
    """Return the path or port that a listening socket shares with its connections."""
    address = own.getsockname()
    return address[1] if isinstance(address, tuple) else address
