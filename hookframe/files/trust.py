"""Who may change a file: only root and the user that runs hookframe, or it is not trusted."""

from __future__ import annotations

import grp
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Final

from hookframe.files.snapshot import Snapshot, take_snapshot

_MOST_LINKS: Final = 40
"""The system follows no more symbolic links than these (path_resolution(7))."""


def take_policy_snapshot(path: str) -> Snapshot:
    """Read a file of the policy, and look who may change it; `distrust` has what was found.

    A process that loads the file later, from a bundle, needs the file system no more.
    """
    file = take_snapshot(path)
    return file if file.error else replace(file, distrust="; ".join(_find_distrust(file)))


def _find_distrust(file: Snapshot) -> Iterator[str]:
    """Find the ways in which another user could change a file, or what stands at its path.

    Args:
        file: the file as it was read, with its owner and permissions.

    Yields:
        For each what is wrong, and what to do.
    """
    if file.owner not in trusted_users():
        yield (
            f"{file.path} belongs to user {file.owner}, neither root nor the user that "
            f"runs hookframe ({os.geteuid()}): chown it"
        )
    if others_may_write(file.owner, file.group, file.mode):
        yield (
            f"{file.path} may be written by its group or by everyone "
            f"(mode {stat.S_IMODE(file.mode):04o}): chmod go-w {file.path}"
        )
    yield from find_unsafe_directories(file.path)


def find_unsafe_directories(path: str) -> Iterator[str]:
    """Find directories above a path in which another user could replace what lies below.

    A sticky directory is safe if the entry below it belongs to root or to the user that runs
    hookframe.

    Args:
        path: an absolute path; it need not exist.

    Yields:
        For each such directory what is wrong with it, and what to do.
    """
    passed = dict.fromkeys(
        (directory, entry)
        for name in (*_follow_links(path), Path(os.path.realpath(path)))
        for entry, directory in zip((name, *name.parents), name.parents, strict=False)
    )
    found: dict[str, None] = {}
    for directory, entry in passed:
        with suppress(OSError):  # what can't be looked at can't be used either
            if problem := _describe_writable(directory, entry):
                found[problem] = None
    yield from found


def _follow_links(path: str) -> Iterator[Path]:
    """Yield a path, and what it becomes as its symbolic links are followed, one by one."""
    name = Path(os.path.abspath(path))  # noqa: PTH100  (symbolic links stay)
    for _ in range(_MOST_LINKS):
        yield name
        links = (each for each in reversed((name, *name.parents)) if os.path.islink(each))  # noqa: PTH114  (it never raises)
        link = next(links, None)
        if link is None:
            return
        target = link.parent / os.readlink(link)  # noqa: PTH115
        name = Path(os.path.abspath(target / name.relative_to(link)))  # noqa: PTH100


def _describe_writable(directory: Path, entry: Path) -> str | None:
    status = directory.stat()
    if status.st_uid not in trusted_users():
        return (
            f"{directory} belongs to user {status.st_uid}, neither root nor the user that runs "
            f"hookframe ({os.geteuid()}): chown it"
        )
    if not others_may_write(status.st_uid, status.st_gid, status.st_mode):
        return None
    if status.st_mode & stat.S_ISVTX:
        try:
            if entry.lstat().st_uid in trusted_users():
                return None
        except FileNotFoundError:  # we create it
            return None
    return (
        f"other users may write to {directory} (mode {stat.S_IMODE(status.st_mode):04o}), and so "
        f"replace what is in it: chmod go-w {directory}"
    )


def others_may_write(owner: int, group: int, mode: int) -> bool:
    """Return whether anyone but its owner may write to a file or directory.

    Args:
        owner: the owner's user id.
        group: its group id.
        mode: its permissions, as in `st_mode`.
    """
    if mode & stat.S_IWOTH:
        return True
    return bool(mode & stat.S_IWGRP) and not _is_private_group(owner, group)


def _is_private_group(owner: int, group: int) -> bool:
    """Return whether a group has only this user."""
    try:
        user, members = pwd.getpwuid(owner), grp.getgrgid(group)
    except KeyError:
        return False
    # Others may have a group as their first one, and stand nowhere in its list: so the names.
    same = user.pw_gid == members.gr_gid and user.pw_name == members.gr_name
    return same and set(members.gr_mem) <= {user.pw_name}


def trusted_users() -> tuple[int, int]:
    """Return the user ids whose files are trusted: root, and the user that runs hookframe."""
    return 0, os.geteuid()
