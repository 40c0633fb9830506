"""File descriptors that survive plugins which close them or reuse their numbers."""

from __future__ import annotations

import fcntl
import os
import resource
from contextlib import suppress
from typing import Final

_HIGH: Final = 1000
"""The lowest number of a copy: a plugin that closes the low numbers does not close it."""
_MARGIN: Final = 24
"""How far below the system's limit copies start if the limit is lower than `_HIGH`."""
_CLOSED: Final = -1

Identity = tuple[int, int]
"""A file's inode and device, unique while the file exists."""


def identify_descriptor(descriptor: int) -> Identity | None:
    """Return the identity of a descriptor's file; None if the descriptor is not open."""
    try:
        return os.fstat(descriptor)[1:3]
    except OSError:
        return None


def duplicate_descriptor(descriptor: int) -> int:
    """Duplicate a descriptor to a high number; started programs do not inherit it.

    Raises:
        OSError: the descriptor is not open, or no number is free.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = _HIGH if soft == resource.RLIM_INFINITY else min(_HIGH, soft - _MARGIN)
    with suppress(OSError):  # no number that high is free
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, max(3, lowest))
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)


class OwnFile:
    """An open file, closed when it is garbage-collected at the latest.

    So no thread and no signal handler closes it while another one is about to write.

    Args:
        descriptor: the open descriptor; this object closes it.
        identity: the identity of its file.
    """

    __slots__ = ("descriptor", "identity")

    def __init__(self, descriptor: int, identity: Identity) -> None:
        self.descriptor = descriptor
        self.identity = identity

    @property
    def length(self) -> int | None:
        """The length of the file in bytes; None if a plugin has closed or reused the descriptor."""
        with suppress(OSError):
            status = os.fstat(self.descriptor)
            if status[1:3] == self.identity:
                return status.st_size
        self.descriptor = _CLOSED
        return None

    def close(self) -> None:
        """Close the file, unless its descriptor has been closed or reused."""
        if identify_descriptor(self.descriptor) == self.identity:
            with suppress(OSError):
                os.close(self.descriptor)
        self.descriptor = _CLOSED

    def __del__(self) -> None:
        self.close()


class SavedDescriptor:
    """An open descriptor and a private copy of it.

    Args:
        number: the descriptor.

    Raises:
        OSError: the descriptor is not open, or no number is free for the copy.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.identity = identify_descriptor(number)
        self._copy = duplicate_descriptor(number)

    @property
    def descriptor(self) -> int | None:
        """The copy or the original, whichever is still open; None if both were closed or reused."""
        for each in (self._copy, self.number):
            if self.identity is not None and identify_descriptor(each) == self.identity:
                return each
        return None


class StandardStreams:
    """Descriptors 0, 1 and 2, restored after a plugin has closed or replaced them.

    Otherwise the next client's socket could become standard output. One that is closed at the
    start is opened on /dev/null. Standard input is restored as /dev/null.
    """

    def __init__(self) -> None:
        open_standard_streams()
        self._input = identify_descriptor(0)
        self._outputs = [SavedDescriptor(1), SavedDescriptor(2)]

    def restore(self) -> tuple[int, ...]:
        """Restore those that were closed or replaced, and return their numbers."""
        found = []
        if identify_descriptor(0) != self._input:
            _open_devnull_as(0)
            self._input = identify_descriptor(0)
            found.append(0)
        for place, kept in enumerate(self._outputs):
            if identify_descriptor(kept.number) == kept.identity:
                continue
            found.append(kept.number)
            if kept.descriptor is not None:
                os.dup2(kept.descriptor, kept.number)
            else:
                _open_devnull_as(kept.number)
                self._outputs[place] = SavedDescriptor(kept.number)
        return tuple(found)


def open_standard_streams() -> None:
    """Open closed standard streams on /dev/null, so that no socket gets their numbers."""
    for number in range(3):
        if identify_descriptor(number) is None:
            _open_devnull_as(number)


def _open_devnull_as(number: int) -> None:
    """Open /dev/null as this descriptor."""
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    if nothing == number:
        os.set_inheritable(number, True)
    else:
        os.dup2(nothing, number)
        os.close(nothing)
