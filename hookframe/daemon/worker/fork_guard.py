"""A hook that calls fork must not make a second daemon."""

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
"""Those that the daemon takes; whoever forks a child expects that they end it."""


class ForkGuard:
    """Takes the daemon's sockets and signals from every child that a plugin forks.

    Such a child may do what it wants, but once it returns from the hook it ends: the clients are
    its parent's, and a copy of a client's socket would keep the connection open.

    Args:
        stamp: is told that its process is such a child.
        listeners: where clients come in; sockets with their addresses are the daemon's.
        channel: the descriptor of the line to the supervisor.
    """

    def __init__(self, marker: RequestMarker, listeners: Sequence[Listener], channel: int) -> None:
        self.abandon: Callable[[], None] = lambda: None
        """stops, in the child, what goes on in the attempt"""
        self._marker = marker
        self._addresses = {_find_address(listener.socket) for listener in listeners}
        self._channel = channel
        self._nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        self._masks: dict[int, Any] = {}
        """by thread what it held back before it began to fork"""
        os.register_at_fork(
            before=self._hold_signals,
            after_in_parent=self._release_signals,
            after_in_child=self._detach_child,
        )

    def _hold_signals(self) -> None:
        """Let no signal reach the child while it still has the daemon's handlers."""
        self._masks[get_ident()] = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)

    def _release_signals(self) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self._masks.pop(get_ident(), ()))

    def _detach_child(self) -> None:
        self._marker.forked = True
        signal.set_wakeup_fd(-1)  # the parent's event loop would be told of its signals
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        self.abandon()
        for descriptor in [self._channel, *_find_sockets(self._addresses)]:
            with suppress(OSError):  # the number stays taken, so no later file gets it
                os.dup2(self._nothing, descriptor, inheritable=False)
        self._release_signals()


def _find_sockets(addresses: Collection[object]) -> Iterator[int]:
    """Name the descriptors of all sockets at some places on this side, however new they are."""
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208  (numbers only)
        with suppress(OSError):  # no socket, or what listed them
            found = socket.socket(fileno=int(name))
            try:
                own = _find_address(found) in addresses
            finally:
                found.detach()
            if own:
                yield int(name)


def _find_address(own: socket.socket) -> object:
    """Give the path or the port that a listening socket and those it has let in have in common."""
    address = own.getsockname()
    return address[1] if isinstance(address, tuple) else address
