"""Standard input and output, reserved for attempts and decisions."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO, Final

_STDIN: Final = 0
_STDOUT: Final = 1
_STDERR: Final = 2
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


@contextmanager
def take_output() -> Iterator[BinaryIO]:
    """Reserve standard output for the command.

    The output of a hook and its child processes goes to standard error.

    Yields:
        The output, buffered; it is flushed at the end.
    """
    with suppress(AttributeError):  # None where standard output is closed
        sys.stdout.flush()
    kept = os.dup(_STDOUT)
    _redirect(_STDOUT, _STDERR)
    output = open(kept, "wb")  # noqa: PTH123, SIM115  (a descriptor; closed below)
    try:
        yield output
        output.flush()
    finally:
        os.dup2(kept, _STDOUT)
        with suppress(OSError):
            output.close()


@contextmanager
def take_input() -> Iterator[BinaryIO]:
    """Reserve standard input for the command: a hook's child process must not read attempts.

    Yields:
        The input, at its current position.
    """
    kept = os.dup(_STDIN)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, _STDIN)
    os.close(nothing)
    with open(kept, "rb") as stream:  # noqa: PTH123  (a descriptor)
        try:
            yield stream
        finally:
            os.dup2(kept, _STDIN)


def _redirect(descriptor: int, target: int) -> None:
    try:
        os.dup2(target, descriptor)
    except OSError:  # standard error is closed
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, descriptor)
        os.close(nowhere)


def find_remaining_size(stream: BinaryIO) -> int | None:
    """Return how many bytes a stream still has; None if it is not a regular file."""
    status = os.fstat(stream.fileno())
    if not stat.S_ISREG(status.st_mode):
        return None
    return max(0, status.st_size - stream.tell())


def read_lines(stream: BinaryIO) -> Iterator[tuple[int, bytes, int]]:
    """Read lines as they come, without blank ones.

    Yields:
        The line's number from 1, the line, and the number of bytes read so far.
    """
    read = 0
    for number, line in enumerate(stream, start=1):
        read += len(line)
        text = line.removeprefix(_BYTE_ORDER_MARK) if number == 1 else line
        if text.strip():
            yield number, text, read
