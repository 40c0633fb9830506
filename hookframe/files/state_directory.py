"""The directory in which plugins keep what must survive a restart: private, or refused."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

VARIABLE: Final = "STATE_DIRECTORY"
"""Where systemd names the directories of `StateDirectory=` (systemd.exec(5))."""
_PRIVATE: Final = 0o700


def find_state_directory(configured: str | None) -> str | None:
    """Find the state directory: the configured one, else the first one that systemd has made.

    Args:
        configured: the absolute path of the configuration, or None.
    """
    return configured or os.environ.get(VARIABLE, "").partition(":")[0] or None


def prepare_state_directory(path: str) -> None:
    """Check the state directory, and create it if it is missing.

    Args:
        path: its absolute path.

    Raises:
        ValueError: another user could read or change what is in it, or it can't be used; the text
            says what to do.
    """
    for found in find_unsafe_directories(path):
        raise ValueError(f"state_directory is {path}: {found}")
    try:
        with suppress(FileExistsError):
            os.mkdir(path, _PRIVATE)  # noqa: PTH102  (the path as written)
        status = os.stat(path)  # noqa: PTH116
    except OSError as error:
        raise ValueError(
            f"state_directory is {path}: {error.strerror}. Create it with mode 0700, for the user "
            "that runs hookframe"
        ) from None
    if problem := _describe_problem(path, status):
        raise ValueError(f"state_directory is {path}, which {problem}")


def find_unsafe_directories(path: str) -> Iterator[str]:
    """Find directories above a path in which another user could replace what lies below.

    A sticky directory is safe if the entry below it belongs to root or to the user that runs
    hookframe.

    Args:
        path: an absolute path; it need not exist.

    Yields:
        For each such directory what is wrong with it, and what to do.
    """
    given = os.path.abspath(path)  # noqa: PTH100  (symbolic links stay)
    for below in dict.fromkeys((given, os.path.realpath(path))):
        entry = Path(below)
        for directory in entry.parents:
            with suppress(OSError):  # what can't be looked at can't be used either
                if problem := _describe_writable(directory, entry):
                    yield problem
            entry = directory


def _describe_writable(directory: Path, entry: Path) -> str | None:
    status = directory.stat()
    if status.st_uid not in _trusted_users():
        return (
            f"{directory} belongs to user {status.st_uid}, neither root nor the user that runs "
            f"hookframe ({os.geteuid()}): chown it"
        )
    if not _others_may_write(status):
        return None
    if status.st_mode & stat.S_ISVTX:
        try:
            if entry.lstat().st_uid in _trusted_users():
                return None
        except FileNotFoundError:  # we create it
            return None
    return (
        f"other users may write to {directory} (mode {stat.S_IMODE(status.st_mode):04o}), and so "
        f"replace what is in it: chmod go-w {directory}"
    )


def _others_may_write(status: os.stat_result) -> bool:
    if status.st_mode & stat.S_IWOTH:
        return True
    return bool(status.st_mode & stat.S_IWGRP) and not _is_private_group(status)


def _is_private_group(status: os.stat_result) -> bool:
    """Say whether only a file's owner is in its group."""
    try:
        owner, group = pwd.getpwuid(status.st_uid), grp.getgrgid(status.st_gid)
    except KeyError:
        return False
    # Others may have a group as their first one, and stand nowhere in its list: so the names.
    same = owner.pw_gid == group.gr_gid and owner.pw_name == group.gr_name
    return same and set(group.gr_mem) <= {owner.pw_name}


def _describe_problem(path: str, status: os.stat_result) -> str | None:
    if not stat.S_ISDIR(status.st_mode):
        return "is no directory: name one, or move it away"
    if status.st_uid not in _trusted_users():
        return (
            f"belongs to user {status.st_uid}, neither root nor the user that runs hookframe "
            f"({os.geteuid()}): chown it, or run hookframe as that user"
        )
    if stat.S_IMODE(status.st_mode) & ~_PRIVATE & 0o777:
        return (
            f"others may read or write (mode {stat.S_IMODE(status.st_mode):04o}): chmod 0700 {path}"
        )
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK, effective_ids=True):
        return "the user that runs hookframe can't write: chown it, or mount it writable"
    return None


def _trusted_users() -> tuple[int, int]:
    return 0, os.geteuid()
