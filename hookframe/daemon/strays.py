"""A hook that calls fork must not make a second daemon."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hookframe.daemon.board import Stamp


class Strays:
    """Takes the daemon's sockets and signals from every child that a hook forks.

    Such a child may do what it wants, but once it returns from the hook it ends: the clients are
    its parent's, and a copy of a client's socket would keep the connection open.

    Args:
        stamp: is told that its process is such a child.
        descriptors: names the sockets of the daemon at that moment.
        abandon: stops what goes on in the attempt.
    """

    def __init__(
        self, stamp: Stamp, descriptors: Callable[[], Iterable[int]], abandon: Callable[[], None]
    ) -> None:
        self._stamp = stamp
        self._descriptors = descriptors
        self._abandon = abandon
        self._nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
        os.register_at_fork(after_in_child=self._disown)

    def _disown(self) -> None:
        self._stamp.stray = True
        signal.set_wakeup_fd(-1)  # it shares the event loop's: its signals would reach the parent
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        self._abandon()
        for descriptor in self._descriptors():
            with suppress(OSError):  # the number stays taken, so no later file gets it
                os.dup2(self._nothing, descriptor, inheritable=False)
