"""The directory in which plugins keep what must survive a restart: private, or refused."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from typing import Final

from hookframe.files.trust import find_unsafe_directories, trusted_users

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


def _describe_problem(path: str, status: os.stat_result) -> str | None:
    if not stat.S_ISDIR(status.st_mode):
        return "is no directory: name one, or move it away"
    if status.st_uid not in trusted_users():
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
