"""File descriptors that somebody else may close, or whose numbers somebody else may get."""

from __future__ import annotations

import fcntl
import os
import resource
from contextlib import suppress
from typing import Final

_HIGH: Final = 1000
"""Copies get numbers from here on, out of the way of who closes all the small ones."""
_MARGIN: Final = 24
"""How far below the system's limit they begin where that is lower."""
_CLOSED: Final = -1

Identity = tuple[int, int]
"""A file's inode and device: two open files that have the same ones at a time are the same."""


def identify_descriptor(descriptor: int) -> Identity | None:
    """Say which file a descriptor leads to; None where it leads nowhere."""
    try:
        return os.fstat(descriptor)[1:3]
    except OSError:
        return None


def duplicate_descriptor(descriptor: int) -> int:
    """Duplicate a descriptor to a high number; a program that is started gets no copy.

    Raises:
        OSError: it is not open, or no number is free.
    """
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = _HIGH if soft == resource.RLIM_INFINITY else min(_HIGH, soft - _MARGIN)
    with suppress(OSError):  # no number that high is free
        return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, max(3, lowest))
    return fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, 3)


class OwnFile:
    """An open file of our own, closed when nobody holds it any more, if not before.

    So no thread and no signal handler closes it under another one that is about to write.

    Args:
        descriptor: leads to it, and belongs to this object from now on.
        identity: which file that is.
    """

    __slots__ = ("descriptor", "identity")

    def __init__(self, descriptor: int, identity: Identity) -> None:
        self.descriptor = descriptor
        self.identity = identity

    @property
    def length(self) -> int | None:
        """How long the file is; None where a plugin has closed it under us.

        Its number may lead to a stranger's file then, or to the next one that we open.
        """
        try:
            status = os.fstat(self.descriptor)
        except OSError:
            self.descriptor = _CLOSED
            return None
        if status[1:3] != self.identity:
            self.descriptor = _CLOSED
            return None
        return status.st_size

    def close(self) -> None:
        """Close the file, unless somebody has done it and the number leads elsewhere."""
        if identify_descriptor(self.descriptor) == self.identity:
            with suppress(OSError):
                os.close(self.descriptor)
        self.descriptor = _CLOSED

    def __del__(self) -> None:
        self.close()


class SavedDescriptor:
    """A file that is reached by a descriptor, or by a private copy of it.

    Args:
        number: the descriptor, which is open.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.identity = identify_descriptor(number)
        self._copy = duplicate_descriptor(number)

    @property
    def descriptor(self) -> int | None:
        """What still leads to the file; None where nothing does."""
        for each in (self._copy, self.number):
            if self.identity is not None and identify_descriptor(each) == self.identity:
                return each
        return None


class StandardStreams:
    """Descriptors 0, 1 and 2, put back whenever a plugin has closed or replaced them.

    Otherwise the next socket that a client opens could become standard output. One that is closed
    at the start is opened on /dev/null. Standard input becomes /dev/null when it is put back.
    """

    def __init__(self) -> None:
        open_standard_streams()
        self._input = identify_descriptor(0)
        self._outputs = [SavedDescriptor(1), SavedDescriptor(2)]

    def restore(self) -> tuple[int, ...]:
        """Put back those that are not what they were.

        Returns:
            Their numbers.
        """
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
    """Open those of the standard streams that are closed, on /dev/null: no socket shall be one."""
    for number in range(3):
        if identify_descriptor(number) is None:
            _open_devnull_as(number)


def _open_devnull_as(number: int) -> None:
    """Make a descriptor lead to /dev/null."""
    nothing = os.open(os.devnull, os.O_RDWR | os.O_CLOEXEC)
    if nothing == number:
        os.set_inheritable(number, True)
    else:
        os.dup2(nothing, number)
        os.close(nothing)
