"""The file of a unix socket: who listens behind it, and whose it is to remove."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from enum import Enum, auto
from pathlib import Path
from time import monotonic, sleep
from typing import Final

_LOCK_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_PATIENCE: Final = 5.0
"""Seconds to wait for another process's lock; whoever holds it has work for milliseconds."""
_STEP: Final = 0.005

Identity = tuple[int, int, int]
"""Device, inode, and the time of the file's making: an inode's number is soon used again."""


class Occupant(Enum):
    """What stands at the path of a unix socket."""

    NOBODY = auto()
    STALE = auto()
    ALIVE = auto()
    NOT_A_SOCKET = auto()
    UNKNOWN = auto()
    """a socket to which this user may not connect"""


def find_occupant(path: str) -> Occupant:
    """Say what stands at a path, unnoticed by a process that listens there.

    Args:
        path: of the socket; a symbolic link is not followed.

    Raises:
        OSError: the directory can't be searched.
    """
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return Occupant.NOBODY
    if not stat.S_ISSOCK(mode):
        return Occupant.NOT_A_SOCKET
    # A datagram can't be sent to a stream socket, and the kernel says so (EPROTOTYPE in
    # connect(2)) after it has looked whether there is one: the daemon gets no connection to log,
    # and a full backlog keeps nobody waiting.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return Occupant.STALE
        except FileNotFoundError:
            return Occupant.NOBODY
        except OSError as error:
            return Occupant.ALIVE if error.errno == errno.EPROTOTYPE else Occupant.UNKNOWN
    return Occupant.ALIVE


def identify(path: str) -> Identity:
    """Say which file stands at a path.

    Raises:
        OSError: it can't be known.
    """
    status = os.lstat(path)
    return status.st_dev, status.st_ino, status.st_mtime_ns


def remove(path: str, file: Identity) -> None:
    """Remove a socket's file if it is still the one that was made, and not a successor's."""
    with suppress(OSError), lock(path):
        if identify(path) == file:
            Path(path).unlink()


@contextmanager
def lock(path: str) -> Iterator[None]:
    """Be the only process that looks at a socket's file, removes it and makes it.

    Of two daemons that find a stale file at the same time the second one would else remove what
    the first one has just made, and leave it deaf. The lock is a file beside the socket, taken
    with flock(2) and gone afterwards; that of a process that has died holds nobody up.

    Raises:
        OSError: the lock can't be had; `filename` is that of the lock.
    """
    name = f"{path}.lock"
    handle = _acquire(name)
    try:
        yield
    finally:
        with suppress(OSError):
            Path(name).unlink()
        os.close(handle)


def _acquire(name: str) -> int:
    until = monotonic() + _PATIENCE
    while (handle := _try_acquire(name)) is None:
        if monotonic() > until:
            text = f"another process has held the lock for {_PATIENCE:g} s"
            raise TimeoutError(errno.ETIMEDOUT, text, name)
        sleep(_STEP)
    return handle


def _try_acquire(name: str) -> int | None:
    with ExitStack() as stack:
        handle = os.open(name, _LOCK_FLAGS, 0o600)
        stack.callback(os.close, handle)
        # Whoever had the lock removes its file: a lock on one that has gone keeps nobody out.
        with suppress(BlockingIOError, FileNotFoundError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(handle), os.lstat(name)):
                stack.pop_all()
                return handle
    return None
