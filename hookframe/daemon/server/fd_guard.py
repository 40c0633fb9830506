"""Protect the daemon's file descriptors, and their limit, from plugins.

A plugin that closes a number twice may close a client's, whose answers would then go to the next
client that gets the number; the process exits before that.
"""

from __future__ import annotations

import os
import resource
import stat
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final, NoReturn

from hookframe.files.descriptors import StandardStreams, identify_descriptor

if TYPE_CHECKING:
    from hookframe.files.descriptors import Identity
    from hookframe.log.log import Log

_STREAMS: Final = 3
"""The lowest descriptor that is no standard stream."""
_LASTING_KINDS: Final = (stat.S_IFSOCK, stat.S_IFIFO, 0)
"""Sockets, pipes, and descriptors without a kind: eventpoll, eventfd."""
_UNLIMITED: Final = 1 << 62


class FdGuard:
    """The descriptors of one process: the standard streams, the daemon's own, and its clients'.

    Args:
        log: takes what a plugin has done with them.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._streams = StandardStreams()
        self._before = _list_descriptors()
        self._opened: dict[int, Identity | None] = {}
        self._own: dict[int, Identity | None] = {}
        self._tracked: set[int] = set()
        self._files = _read_file_limit()

    def prepare(self, listening: Iterable[int]) -> None:
        """Record what the daemon has opened since the constructor.

        Args:
            listening: the descriptors that it inherited.
        """
        numbers = {*listening, *(_list_descriptors() - self._before)}
        self._opened = {number: identify_descriptor(number) for number in numbers}

    def begin(self) -> None:
        """Start to guard what is still open."""
        self._own = {
            number: was
            for number, was in self._opened.items()
            if identify_descriptor(number) == was
        }
        self._files = _read_file_limit()

    def release_own(self) -> None:
        """Stop guarding the daemon's own descriptors, which it now closes."""
        self._own = {}

    def track(self, number: int) -> bool:
        """Record a client's new descriptor; return whether the client can use it.

        Args:
            number: the descriptor. If it is recorded already, this process exits.
        """
        if number < _STREAMS:
            self._restore_streams()  # this closes it
            return False
        if number in self._own or number in self._tracked:
            _exit(self._log, f"closed file descriptor {number}, which was still in use")
        self._tracked.add(number)
        return True

    def untrack(self, number: int) -> None:
        """Forget a client's descriptor that is about to be closed."""
        self._tracked.discard(number)

    def check(self) -> None:
        """Restore what plugins changed; exit if that is not possible."""
        self._restore_streams()
        for number, was in self._own.items():
            if identify_descriptor(number) != was:
                _exit(self._log, f"closed the daemon's file descriptor {number}")
        if _read_file_limit() < self._files:
            self._raise_limit()

    def _restore_streams(self) -> None:
        """Restore the standard streams."""
        found = self._streams.restore()
        if found:
            numbers = ", ".join(map(str, found))
            self._log.warning(
                f"a plugin has closed or replaced the file descriptors {numbers}: restored"
            )

    def _raise_limit(self) -> None:
        what = f"lowered the limit of open files from {self._files} to {_read_file_limit()}"
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # logging needs descriptors
        if _read_file_limit() < self._files:
            _exit(self._log, what)
        wanted = resource.RLIM_INFINITY if self._files == _UNLIMITED else self._files
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        self._log.warning(f"a plugin {what}: restored")


def _list_descriptors() -> set[int]:
    """Return the lasting descriptors: those of files and devices come and go."""
    listed = (int(name) for name in os.listdir("/proc/self/fd"))  # noqa: PTH208  (numbers only)
    return {number for number in listed if _read_kind(number) in _LASTING_KINDS}


def _read_kind(number: int) -> int | None:
    try:
        return stat.S_IFMT(os.fstat(number).st_mode)
    except OSError:  # the descriptor of the listing itself
        return None


def _read_file_limit() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _UNLIMITED if soft == resource.RLIM_INFINITY else soft


def _exit(log: Log, what: str) -> NoReturn:
    """Exit at once, before a client gets another one's answer."""
    log.error(f"a plugin {what}: this worker exits and is replaced")
    os._exit(os.EX_SOFTWARE)
