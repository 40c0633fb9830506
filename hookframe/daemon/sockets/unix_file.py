"""The file of a unix socket: detects stale and live files, and locks and removes ours."""

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
_LOCK_TIMEOUT: Final = 5.0
"""Seconds to wait for another process's lock, which it holds for milliseconds."""
_STEP: Final = 0.005

FileIdentity = tuple[int, int, int]
"""Device, inode and modification time: inode numbers are soon reused."""


class Occupant(Enum):
    """What is at the path of a unix socket."""

    NONE = auto()
    STALE = auto()
    ALIVE = auto()
    NOT_A_SOCKET = auto()
    UNKNOWN = auto()
    """a socket to which this user may not connect"""


def find_occupant(path: str) -> Occupant:
    """Return what is at a socket path; a process that listens there does not notice.

    Args:
        path: the path; a symbolic link is not followed.

    Raises:
        OSError: the directory can't be searched.
    """
    try:
        mode = os.lstat(path).st_mode
    except FileNotFoundError:
        return Occupant.NONE
    if not stat.S_ISSOCK(mode):
        return Occupant.NOT_A_SOCKET
    # Connecting a datagram socket to a listening stream socket fails with EPROTOTYPE (connect(2)):
    # the daemon gets no connection, and a full backlog causes no wait.
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return Occupant.STALE
        except FileNotFoundError:
            return Occupant.NONE
        except OSError as error:
            return Occupant.ALIVE if error.errno == errno.EPROTOTYPE else Occupant.UNKNOWN
    return Occupant.ALIVE


def identify(path: str) -> FileIdentity:
    """Return the identity of the file at a path.

    Raises:
        OSError: see lstat(2).
    """
    status = os.lstat(path)
    return status.st_dev, status.st_ino, status.st_mtime_ns


def remove(path: str, file: FileIdentity) -> None:
    """Remove a socket's file unless another daemon has replaced it."""
    with suppress(OSError), lock(path):
        if identify(path) == file:
            Path(path).unlink()


@contextmanager
def lock(path: str) -> Iterator[None]:
    """Lock a socket path against other daemons.

    Without it, of two daemons that find a stale file the second removes the first one's new file.
    The lock is a file next to the socket, locked with flock(2) and removed afterwards; the kernel
    releases the lock of a dead process.

    Raises:
        OSError: the lock can't be taken; `filename` is that of the lock.
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
    until = monotonic() + _LOCK_TIMEOUT
    while (handle := _try_acquire(name)) is None:
        if monotonic() > until:
            text = f"another process has held the lock for {_LOCK_TIMEOUT:g} s"
            raise TimeoutError(errno.ETIMEDOUT, text, name)
        sleep(_STEP)
    return handle


def _try_acquire(name: str) -> int | None:
    with ExitStack() as stack:
        handle = os.open(name, _LOCK_FLAGS, 0o600)
        stack.callback(os.close, handle)
        # The previous holder removes the file; a lock on a removed file protects nothing.
        with suppress(BlockingIOError, FileNotFoundError):
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(handle), os.lstat(name)):
                stack.pop_all()
                return handle
    return None
