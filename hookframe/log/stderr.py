"""Standard error as it was when the program began, whatever a plugin does to it later."""

from __future__ import annotations

import errno
import os
import select
import stat
import sys
import time
from typing import Any, Final, Protocol, TextIO

from hookframe.files.descriptors import SavedDescriptor
from hookframe.log.dropped import DroppedLines

_PIECE: Final = select.PIPE_BUF
"""Bytes that a pipe takes without waiting once it says that it takes any (pipe(7))."""
_WRITE_TIMEOUT: Final = 200
"""Milliseconds that it may take until somebody reads; mail waits meanwhile."""


class Writable(Protocol):
    """What loguru writes finished lines to."""

    def write(self, text: str, /) -> Any:
        """Write a text that ends in a newline."""


class StandardError:
    """A sink of loguru's that writes to a descriptor of its own.

    It never raises, and never waits for long: where nobody reads, lines are lost, and how many is
    said before the next one that can be written.

    Args:
        stream: the program's standard error.

    Raises:
        OSError: it has no descriptor, or that can't be duplicated.
    """

    def __init__(self, stream: TextIO) -> None:
        self._descriptor = SavedDescriptor(stream.fileno())
        self.encoding = stream.encoding or "utf-8"
        self._terminal = stream.isatty()
        self._may_block = not stat.S_ISREG(os.fstat(stream.fileno()).st_mode)
        self._dropped = DroppedLines()

    def isatty(self) -> bool:
        """Say whether somebody reads along; loguru then writes in colours."""
        return self._terminal

    def write(self, text: str) -> None:
        """Write a text that ends in a newline, or count it as lost."""
        dropped = self._dropped
        unreported = dropped.unreported
        if unreported:
            text = f"{_format_now()} WARNING {dropped.describe()}\n{text}"
        if dropped.torn:
            text = f"\n{text}"
        try:
            self._write(text.encode(self.encoding, "backslashreplace"))
        except OSError as error:
            dropped.add(1, error.strerror or str(error))
        else:
            dropped.mark_reported(unreported)

    def _write(self, data: bytes) -> None:
        descriptor = self._descriptor.descriptor
        if descriptor is None:
            raise OSError(errno.EBADF, "standard error was closed")
        for start in range(0, len(data), _PIECE):
            self._wait_for_room(descriptor)
            piece = data[start : start + _PIECE]
            written = os.write(descriptor, piece)
            self._dropped.torn = start + written < len(data)
            if written < len(piece):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _wait_for_room(self, descriptor: int) -> None:
        """Wait a little until something can be written, but only once while nobody reads."""
        if not self._may_block:
            return
        poll = select.poll()
        poll.register(descriptor, select.POLLOUT)
        if not poll.poll(0 if self._dropped.unreported else _WRITE_TIMEOUT):
            raise OSError(errno.EAGAIN, "nobody read standard error")


def _format_now() -> str:
    now = time.time()
    seconds = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
    return f"{seconds}.{int(now % 1 * 1000):03}"


class _NullSink:
    """Takes the place of standard error where there is none."""

    def write(self, text: str) -> None:
        """Write nothing."""


def open_standard_error() -> Writable:
    """Take standard error as it is now.

    Returns:
        A sink with a descriptor of its own, if `sys.stderr` has one; else that stream as it is.
    """
    if sys.stderr is None:
        return _NullSink()
    try:
        return StandardError(sys.stderr)
    except (OSError, ValueError, AttributeError):  # a stream of the program's own, or a closed one
        return sys.stderr
