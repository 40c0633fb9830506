"""Files that no other user can have written, in a directory that processes share."""

from __future__ import annotations

import fcntl
import os
import stat
from contextlib import suppress
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

_FLAGS: Final = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
_SMALL: Final = 1 << 12
_OTHERS_MAY_WRITE: Final = stat.S_IWGRP | stat.S_IWOTH


def open_private(path: str) -> int:
    """Open a file for reading.

    Raises:
        OSError: it can't be read, or another user could have written it.
    """
    handle = os.open(path, os.O_RDONLY | _FLAGS)
    if not _is_private(os.fstat(handle)):
        os.close(handle)
        raise PermissionError(f"{path} could have been written by another user")
    return handle


def read_private(path: str) -> bytes:
    """Read a small file.

    Raises:
        OSError: as `open_private`.
    """
    handle = open_private(path)
    try:
        return os.read(handle, _SMALL)
    finally:
        os.close(handle)


def write_private(path: str, content: bytes) -> None:
    """Write a small file whole, or not at all.

    Raises:
        OSError: it can't be written.
    """
    beside = f"{path}.{os.getpid()}-{id(content)}.new"
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | _FLAGS, 0o600)
    try:
        os.write(handle, content)
    finally:
        os.close(handle)
    os.rename(beside, path)  # noqa: PTH104  (faster than a Path, as elsewhere here)


def rewrite_private(path: str, fill: Callable[[int], bool]) -> bool:
    """Write a file whole and onto the disk, or not at all.

    Args:
        path: the file.
        fill: writes the content to a descriptor, and says whether that is good.

    Returns:
        Whether it was good; if not, the file is as it was before.

    Raises:
        OSError: it can't be written.
    """
    beside = f"{path}.{os.getpid()}-{id(fill)}.new"
    handle = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_TRUNC | _FLAGS, 0o600)
    try:
        is_good = fill(handle)
        if is_good:
            os.fsync(handle)
            os.rename(beside, path)  # noqa: PTH104
        return is_good
    finally:
        os.close(handle)
        with suppress(FileNotFoundError):
            os.unlink(beside)  # noqa: PTH108


def lock_private(path: str) -> int | None:
    """Open and lock a file for writing; create it if it is missing.

    Returns:
        Its descriptor; None if another process has the lock, or has just renamed the file.

    Raises:
        OSError: it can't be written.
    """
    handle, locked = os.open(path, os.O_RDWR | os.O_CREAT | _FLAGS, 0o600), False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        status = os.fstat(handle)
        if not _is_private(status):
            os.unlink(path)  # noqa: PTH108
        locked = os.path.samestat(status, os.lstat(path))
    except (BlockingIOError, FileNotFoundError):
        pass
    finally:
        if not locked:
            os.close(handle)
    return handle if locked else None


def remove_oldest(directory: str, ending: str, most: int) -> None:
    """Remove the files that were not changed for longest.

    Args:
        directory: where they are.
        ending: of their names.
        most: how many stay.
    """
    found = []
    with suppress(OSError), os.scandir(directory) as entries:
        for entry in entries:
            if entry.name.endswith(ending):
                with suppress(OSError):
                    found.append((entry.stat(follow_symlinks=False).st_mtime, entry.path))
    for _, path in sorted(found, reverse=True)[most:]:
        with suppress(OSError):
            os.unlink(path)  # noqa: PTH108


def _is_private(status: os.stat_result) -> bool:
    """Say whether this is a regular file that only root and this user could have written."""
    mine = stat.S_ISREG(status.st_mode) and status.st_uid in (0, os.geteuid())
    return mine and not status.st_mode & _OTHERS_MAY_WRITE
