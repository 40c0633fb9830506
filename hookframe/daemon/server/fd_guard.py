"""What the daemon holds of the system and a plugin may take by mistake: descriptors, their limit.

A number that is closed twice is somebody else's at the second time. Here it would be a client's,
whose answers then went to the next client that gets the number; so the process ends before that.
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
"""Sockets, pipes, and what has no kind: eventpoll, eventfd and the like."""
_UNLIMITED: Final = 1 << 62


class FdGuard:
    """The descriptors of one process: the standard streams, the daemon's own, and its clients'.

    Args:
        log: is told what a plugin has done with them.
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
        """Take note of what the daemon has opened for itself since this was made.

        Args:
            listening: what it has got from its supervisor.
        """
        numbers = {*listening, *(_list_descriptors() - self._before)}
        self._opened = {number: identify_descriptor(number) for number in numbers}

    def begin(self) -> None:
        """Watch over it from now on; what was open for a moment only is closed by now."""
        self._own = {
            number: was
            for number, was in self._opened.items()
            if identify_descriptor(number) == was
        }
        self._files = _read_file_limit()

    def release_own(self) -> None:
        """Watch no more over the daemon's own: it closes them itself from now on."""
        self._own = {}

    def track(self, number: int) -> bool:
        """Give a client the descriptor that the system has given; say whether it can have it.

        Args:
            number: the descriptor. Where another one has it already, this process ends.
        """
        if number < _STREAMS:
            self._restore_streams()  # this closes it, as the event loop never would
            return False
        if number in self._own or number in self._tracked:
            _exit(self._log, f"file descriptor {number} was closed, which was still in use")
        self._tracked.add(number)
        return True

    def untrack(self, number: int) -> None:
        """Take note that a client's descriptor is about to be closed."""
        self._tracked.discard(number)

    def check(self) -> None:
        """Put back what can be put back; end this process where that is not enough."""
        self._restore_streams()
        for number, was in self._own.items():
            if identify_descriptor(number) != was:
                _exit(self._log, f"file descriptor {number} was closed, which is the daemon's own")
        if _read_file_limit() < self._files:
            self._raise_limit()

    def _restore_streams(self) -> None:
        """Take the standard streams away from whoever has got their numbers."""
        found = self._streams.restore()
        if found:
            numbers = ", ".join(map(str, found))
            self._log.warning(
                f"a plugin has closed or replaced the file descriptors {numbers}: put back"
            )

    def _raise_limit(self) -> None:
        what = f"the limit of open files was set to {_read_file_limit()}, and was {self._files}"
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))  # with none nothing can be said
        if _read_file_limit() < self._files:
            _exit(self._log, what)
        wanted = resource.RLIM_INFINITY if self._files == _UNLIMITED else self._files
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        self._log.warning(f"by a plugin {what}: put back")


def _list_descriptors() -> set[int]:
    """Give the numbers of all descriptors but those of files, which come and go, and of devices.

    An event loop keeps one of /dev/null, to give it away when there is no other.
    """
    listed = (int(name) for name in os.listdir("/proc/self/fd"))  # noqa: PTH208  (numbers only)
    return {number for number in listed if _read_kind(number) in _LASTING_KINDS}


def _read_kind(number: int) -> int | None:
    try:
        return stat.S_IFMT(os.fstat(number).st_mode)
    except OSError:  # it was what listed them
        return None


def _read_file_limit() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return _UNLIMITED if soft == resource.RLIM_INFINITY else soft


def _exit(log: Log, what: str) -> NoReturn:
    """End this process at once, before a client gets what is meant for another one."""
    log.error(f"by a plugin {what}: this worker ends, and another one takes over")
    os._exit(os.EX_SOFTWARE)
