"""A file as it was at one moment: its bytes, owner, permissions, and whether it has a writer."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import signal
import stat
import time
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from mmap import mmap

LARGEST: Final = 16 * 1024 * 1024
"""The default size limit of a file, in bytes."""
COARSEST_TICK: Final = 2.0
"""The coarsest resolution of a file system's time stamps in seconds: FAT's."""
QUIET_TIME: Final = 0.2
"""Seconds without a change after which a file counts as complete if its writers are unknown."""
WRITER_TIMEOUT: Final = 10.0
"""Seconds without a change after which even an empty or open file counts as complete."""
_BILLION: Final = 1_000_000_000

Stamp = tuple[int, int, int, int, int]
"""Modification and change time in nanoseconds, size, inode and device."""
_SIZE: Final = 2
_DEVICE: Final = 4

# Never wait for the writer of a FIFO, never become a terminal's session leader.
_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_KINDS: Final = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class Writers(Enum):
    """Whether a process has the file open for writing."""

    NONE = "none"
    SOME = "some"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A file at one moment.

    Args:
        path: the path, as it was given.
        content: the bytes; empty if there is an error.
        owner: the owner's user id.
        mode: the permissions, as in `st_mode`.
        error: why the file can't be read; None if it was read.
        writers: whether a process has it open for writing, so that the bytes may be incomplete.
        stamp: its times, size, inode and device from `stat`; None if there is an error.
        age: seconds from its last change until it was read.
        group: the group id.
        distrust: how another user could change a file of the policy; empty if none could, or if
            nobody has looked.
    """

    path: str
    content: bytes = b""
    owner: int = -1
    mode: int = 0
    error: str | None = None
    writers: Writers = Writers.NONE
    stamp: Stamp | None = None
    age: float = 0.0
    group: int = -1
    distrust: str = ""
    _digest: bytes = field(default=b"", init=False, repr=False, compare=False)

    @property
    def leased(self) -> bool:
        """Whether the system granted a lease on it: no process was writing it."""
        return self.stamp is not None and self.writers is Writers.NONE

    @property
    def device(self) -> int:
        """The number of its device; -1 if there is an error."""
        return -1 if self.stamp is None else self.stamp[_DEVICE]

    @property
    def settled(self) -> bool:
        """Whether the file is complete: no process is writing it, as far as the system tells.

        A granted lease proves it. Without one the file is complete after 0.2 s without a change,
        an empty or open file after 10 s.
        """
        if self.writers is Writers.NONE:
            return True
        # `generate > file` empties the file first; and some network file systems refuse each lease
        # as if there were always a writer, so that waiting must end.
        empty = self.stamp is None or not self.stamp[_SIZE]
        unfinished = empty or self.writers is Writers.SOME
        return self.age >= (WRITER_TIMEOUT if unfinished else QUIET_TIME)

    def is_unchanged(self) -> bool:
        """Return whether the file is certainly unchanged, by a single `stat`.

        False also if the file was read within 2 s after its change: it may have been changed again
        within the same tick of the file system's clock, with an equal stamp.
        """
        if self.stamp is None or self.age <= COARSEST_TICK:
            return False
        try:
            return _read_stamp(os.stat(self.path)) == self.stamp  # noqa: PTH116  (faster than a Path)
        except OSError:
            return False

    def still_matches(self) -> bool:
        """Return whether the file is unchanged, by opening and reading it again.

        Slower than `is_unchanged`, but exact on every file system and for every age: a network
        file system asks its server only on an open, and time stamps are coarse.
        """
        try:
            handle = os.open(self.path, _FLAGS)
        except (OSError, ValueError):
            return False
        try:
            same = self.stamp is not None and _read_stamp(os.fstat(handle)) == self.stamp
            return same and os.read(handle, len(self.content) + 1) == self.content
        except OSError:
            return False
        finally:
            os.close(handle)

    @property
    def fingerprint(self) -> tuple[bytes, int, int, str | None]:
        """What a loader depends on: digest of the content, owner, permissions, error."""
        if not self._digest:  # computed once, as it is slow for a large file
            object.__setattr__(self, "_digest", _hash_content(self.content))
        return self._build_fingerprint(self._digest)

    def fingerprint_of(self, content: bytes | mmap) -> tuple[bytes, int, int, str | None]:
        """Return the fingerprint of a file whose bytes `take_snapshot` wrote to `into`.

        Args:
            content: these bytes.
        """
        return self._build_fingerprint(_hash_content(content))

    def _build_fingerprint(self, digest: bytes) -> tuple[bytes, int, int, str | None]:
        return digest, self.owner, stat.S_IMODE(self.mode), self.error or self.distrust or None


def take_snapshot(path: str, largest: int = LARGEST, into: int | None = None) -> Snapshot:
    """Read a file once, with its owner, permissions and writers.

    A lease keeps writers out while the file is read, so that no half-written file is taken for a
    complete one. The system grants it to the file's owner and to root, on local file systems
    (F_SETLEASE in fcntl(2)).

    Args:
        path: the file; symbolic links are followed.
        largest: the size in bytes above which it is not read.
        into: a descriptor to write the bytes to, for example of `os.memfd_create`, so that a large
            file is not held in memory. `content` is empty then.

    Returns:
        The snapshot; an error of the file is in its `error`, never raised.
    """
    try:
        handle = os.open(path, _FLAGS)
    except (OSError, ValueError) as error:
        return Snapshot(path, error=_describe_error(path, error))
    try:
        return _read(path, handle, largest, into)
    except OSError as error:
        return Snapshot(path, error=_describe_error(path, error))
    finally:
        os.close(handle)


def _read(path: str, handle: int, largest: int, into: int | None) -> Snapshot:
    writers = _lease(handle, fcntl.F_RDLCK)
    try:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            kind = _KINDS.get(stat.S_IFMT(status.st_mode), "something else")
            return Snapshot(path, error=f"{path} is {kind}, not a regular file")
        if status.st_size > largest:
            size = status.st_size
            return Snapshot(path, error=f"{path} has {size} bytes; at most {largest} are read")
        if into is None:
            with open(handle, "rb", closefd=False) as file:
                content = file.read(largest + 1)
        else:
            content = b""
            _copy(handle, into, status.st_size)
        before, status = _read_stamp(status), os.fstat(handle)
        if writers is not Writers.NONE and _read_stamp(status) != before:
            writers = Writers.SOME
    finally:
        if writers is Writers.NONE:
            _lease(handle, fcntl.F_UNLCK)
    return Snapshot(
        path,
        content,
        status.st_uid,
        status.st_mode,
        None,
        writers,
        _read_stamp(status),
        _compute_age(status),
        status.st_gid,
    )


def _copy(handle: int, into: int, size: int) -> None:
    done = 0
    while done < size and (copied := os.sendfile(into, handle, done, size - done)):
        done += copied


def _hash_content(content: bytes | mmap) -> bytes:
    return hashlib.blake2b(content, digest_size=16).digest()


def _compute_age(status: os.stat_result) -> float:
    """Return the seconds since the file was modified or its inode was changed."""
    now = time.time_ns()
    times = status.st_mtime_ns, status.st_ctime_ns
    # A copy from another machine may have a modification time in the future.
    return (now - max((each for each in times if each <= now), default=max(times))) / _BILLION


def _read_stamp(status: os.stat_result) -> Stamp:
    times = status.st_mtime_ns, status.st_ctime_ns
    return (*times, status.st_size, status.st_ino, status.st_dev)


def _lease(handle: int, kind: int) -> Writers:
    """Take or release a lease; it is granted only while no process has the file open for writing.

    A process that opens it for writing meanwhile waits for the release, and the kernel signals us:
    SIGURG, which is ignored by default, instead of SIGIO, which would end this process.
    """
    try:
        fcntl.fcntl(handle, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(handle, fcntl.F_SETLEASE, kind)
    except OSError as error:
        return Writers.SOME if error.errno == errno.EAGAIN else Writers.UNKNOWN
    return Writers.NONE


def _describe_error(path: str, error: OSError | ValueError) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{path} does not exist"
    if isinstance(error, OSError) and error.errno == errno.ENXIO:  # open(2): it is a socket
        return f"{path} is a socket, not a regular file"
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return f"{path}: {reason}"
