"""Standard error as it was when the program started, even if a plugin closes or replaces it."""

from __future__ import annotations

import errno
import os
import select
import stat
import sys
from time import time_ns
from typing import Any, Final, Protocol, TextIO

from hookframe.files.descriptors import SavedDescriptor
from hookframe.log.rate import LostLines
from hookframe.log.tai64n import format_local

_PIECE: Final = select.PIPE_BUF
"""Bytes that a writable pipe takes without blocking (pipe(7))."""
_WRITE_TIMEOUT: Final = 200
"""Milliseconds to wait for a reader; attempts wait meanwhile."""


class Writable(Protocol):
    """A sink that loguru writes finished lines to."""

    def write(self, text: str, /) -> Any:
        """Write a text that ends in a newline."""


class StandardError:
    """A loguru sink that writes to a private copy of a stream's descriptor.

    `write` never raises and never waits for long: while standard error is not read, lines are
    dropped, and their number is written before the next line.

    Args:
        stream: the program's standard error.

    Raises:
        OSError: the stream has no descriptor, or the descriptor can't be duplicated.
    """

    def __init__(self, stream: TextIO) -> None:
        self._descriptor = SavedDescriptor(stream.fileno())
        self.encoding = stream.encoding or "utf-8"
        self._terminal = stream.isatty()
        self._may_block = not stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
        self._lost = LostLines()

    def isatty(self) -> bool:
        """Return whether it is a terminal; loguru then writes in colours."""
        return self._terminal

    def write(self, text: str) -> None:
        """Write a text that ends in a newline, or count it as lost."""
        lost = self._lost
        unreported = lost.unreported
        if unreported:
            text = f"{format_local(time_ns())} WARNING {lost.describe()}\n{text}"
        if lost.torn:
            text = f"\n{text}"
        try:
            self._write(text.encode(self.encoding, "backslashreplace"))
        except OSError as error:
            lost.add(1, error.strerror or str(error))
        else:
            lost.mark_reported(unreported)

    def _write(self, data: bytes) -> None:
        descriptor = self._descriptor.descriptor
        if descriptor is None:
            raise OSError(errno.EBADF, "standard error was closed")
        for start in range(0, len(data), _PIECE):
            self._wait_for_room(descriptor)
            piece = data[start : start + _PIECE]
            written = os.write(descriptor, piece)
            self._lost.torn = start + written < len(data)
            if written < len(piece):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _wait_for_room(self, descriptor: int) -> None:
        """Wait until the descriptor is writable; only once while its reader is stalled."""
        if not self._may_block:
            return
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        if not poll.poll(0 if self._lost.unreported else _WRITE_TIMEOUT):
            raise OSError(errno.EAGAIN, "standard error was not read")


class _NullSink:
    """The sink of a program without standard error."""

    def write(self, text: str) -> None:
        """Write nothing."""


def open_standard_error() -> Writable:
    """Return a sink for the current standard error.

    Returns:
        A `StandardError` if `sys.stderr` has a descriptor, else `sys.stderr` itself; without a
        `sys.stderr` a sink that writes nothing.
    """
    if sys.stderr is None:
        return _NullSink()
    try:
        return StandardError(sys.stderr)
    except (OSError, ValueError, AttributeError):  # the program has replaced or closed it
        return sys.stderr
