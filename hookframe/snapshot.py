"""One look at a file: its bytes, owner and permissions, and whether somebody is writing it."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import signal
import stat
from dataclasses import dataclass
from enum import Enum
from typing import Final

LARGEST: Final = 16 * 1024 * 1024
"""The largest file that is read, in bytes; a larger one is no hook file and no configuration."""


class Writers(Enum):
    """Whether a process has the file open for writing."""

    NONE = "nobody"
    SOME = "somebody"
    UNKNOWN = "can't be known"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A file at one moment.

    Args:
        path: the path, as it was given.
        content: the bytes; empty where there is an error.
        owner: the owner's user id.
        mode: the permissions, as in `st_mode`.
        error: why it can't be read; None where it could.
        writers: whether somebody has it open for writing, so that the bytes may be half a file.
    """

    path: str
    content: bytes = b""
    owner: int = -1
    mode: int = 0
    error: str | None = None
    writers: Writers = Writers.NONE

    @property
    def fingerprint(self) -> tuple[bytes, int, int, str | None]:
        """What makes a difference to whoever loads the file; time stamps do not."""
        digest = hashlib.blake2b(self.content, digest_size=16).digest()
        return digest, self.owner, stat.S_IMODE(self.mode), self.error


def take_snapshot(path: str) -> Snapshot:
    """Read a file once, together with its owner, its permissions and its writers.

    While it is read a lease keeps writers out where the system grants one (F_SETLEASE in
    fcntl(2): to the owner and to root, on local file systems), so that no half-written file is
    taken for a whole one.

    Args:
        path: the file; symbolic links are followed.

    Returns:
        The snapshot; it never raises for what is wrong with the file.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        return Snapshot(path, error=_sentence(path, error))
    try:
        return _read(path, handle)
    except OSError as error:
        return Snapshot(path, error=_sentence(path, error))
    finally:
        os.close(handle)


def _read(path: str, handle: int) -> Snapshot:
    status = os.fstat(handle)
    if not stat.S_ISREG(status.st_mode):
        return Snapshot(path, error=f"{path} is not a regular file")
    if status.st_size > LARGEST:
        size = status.st_size
        return Snapshot(path, error=f"{path} has {size} bytes; at most {LARGEST} are read")
    writers = _lease(handle, fcntl.F_RDLCK)
    try:
        with open(handle, "rb", closefd=False) as file:
            content = file.read(LARGEST + 1)
    finally:
        if writers is Writers.NONE:
            _lease(handle, fcntl.F_UNLCK)
    return Snapshot(path, content, status.st_uid, status.st_mode, None, writers)


def _lease(handle: int, kind: int) -> Writers:
    """Take or give back a lease; it is granted only while nobody has the file open for writing.

    A writer who comes meanwhile waits until the lease is given back, and the kernel signals us:
    SIGURG, which is ignored by default, in place of SIGIO, which would end the process.
    """
    try:
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, kind)
    except OSError as error:
        return Writers.SOME if error.errno == errno.EAGAIN else Writers.UNKNOWN
    return Writers.NONE


def _sentence(path: str, error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{path} does not exist"
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return f"{path}: {reason}"
