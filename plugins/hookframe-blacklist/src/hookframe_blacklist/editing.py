"""A list is edited: whole or not at all, by one at a time, and everything else in it stays.

The new list is written beside the old one and renamed over it, so whoever reads the list, and
whoever kills this process, finds the one or the other. The old file is locked meanwhile: of two
who add to it, neither loses what the other has added.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

from hookframe_blacklist.compressed import is_compressed
from hookframe_blacklist.entries import parse
from hookframe_blacklist.errors import BlacklistError, quoted
from hookframe_blacklist.listfile import ListPath, being_written, read_file

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

_NEW: Final = ".new"


def entry_of(text: str, *, senders: bool) -> str:
    """Give the entry that a text stands for, in the form in which lists are compared.

    Raises:
        BlacklistError: it is no entry.
    """
    line = text.encode("utf-8", "surrogateescape")
    entries = set(parse(line, quoted(text), senders=senders))
    if len(entries) != 1 or "\n" in text:
        raise BlacklistError(f"{quoted(text)} is not one entry: give one address or @domain each")
    return entries.pop()


def add(where: ListPath, texts: Collection[str], comment: str = "") -> list[str]:
    """Add entries at the end of a list, but for those that it has already.

    Args:
        where: the list.
        texts: the entries, as they are to be written.
        comment: what is to stand behind each of them.

    Returns:
        The entries that were added, in the form in which lists are compared.

    Raises:
        BlacklistError: one is no entry, or the list can't be used.
        OSError: the list can't be written.
    """
    wanted = {entry_of(each, senders=where.senders): each.strip() for each in texts}
    behind = f" # {comment}" if comment else ""

    def change(content: bytes) -> bytes:
        known = parse(content, where.path, senders=where.senders)
        added[:] = [entry for entry in wanted if entry not in known]
        ending = b"\r\n" if b"\r\n" in content else b"\n"
        if added and content and not content.endswith(b"\n"):
            content += ending
        lines = (f"{wanted[entry]}{behind}" for entry in added)
        return content + b"".join(
            line.encode("utf-8", "surrogateescape") + ending for line in lines
        )

    added: list[str] = []
    _edit(where, change)
    return added


def merge(where: ListPath, entries: Collection[str]) -> int:
    """Add many entries at the end of a list, sorted, but for those that it has already.

    Args:
        where: the list; it is created if it does not exist.
        entries: the entries, in the form in which lists are compared.

    Returns:
        The number of entries that were added.

    Raises:
        BlacklistError: the list can't be used.
        OSError: the list can't be written.
    """
    added: list[str] = []

    def change(content: bytes) -> bytes:
        known = parse(content, where.path, senders=where.senders)
        added[:] = sorted(entry for entry in entries if entry not in known)
        if not added:
            return content
        ending = b"\r\n" if b"\r\n" in content else b"\n"
        gap = ending if content and not content.endswith(b"\n") else b""
        lines = (entry.encode("utf-8", "surrogateescape") for entry in added)
        return content + gap + ending.join(lines) + ending

    _refuse_what_others_swap(where.path)
    with suppress(FileExistsError):
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        os.close(os.open(where.path, flags, 0o644))
    _edit(where, change)
    return len(added)


def remove(where: ListPath, texts: Collection[str]) -> list[str]:
    """Take entries out of a list, with the comments behind them.

    Args:
        where: the list.
        texts: the entries.

    Returns:
        The entries that were on it, in the form in which lists are compared.

    Raises:
        BlacklistError: one is no entry, or the list can't be used.
        OSError: the list can't be written.
    """
    wanted = {entry_of(each, senders=where.senders) for each in texts}

    def change(content: bytes) -> bytes:
        known = parse(content, where.path, senders=where.senders)
        removed[:] = [entry for entry in wanted if entry in known]
        if not removed:
            return content
        lines = content.split(b"\n")
        return b"\n".join(line for line in lines if not _holds(line, wanted, where))

    removed: list[str] = []
    _edit(where, change)
    return removed


def _holds(line: bytes, wanted: Collection[str], where: ListPath) -> bool:
    """Say whether a line is one of these entries; few need to be parsed to know that."""
    lower = line.lower()
    if line.isascii() and not any(each.encode() in lower for each in wanted if each.isascii()):
        return False
    entries = parse(line, where.path, senders=where.senders)
    return any(each in entries for each in wanted)


def _edit(where: ListPath, change: Callable[[bytes], bytes]) -> None:
    """Change a list's content, under its lock."""
    done = False
    while not done:
        real = os.path.realpath(where.path)  # a link stays, and leads to the new file
        _refuse_what_others_swap(where.path, real)
        snapshot = read_file(real)
        if is_compressed(snapshot.content, where.path):
            raise BlacklistError(
                f"{where.path} is compressed, and lines are added to or taken out of plain lists "
                "only: unpack it, or write a new one"
            )
        with _locked(real) as lock:
            snapshot = read_file(real)
            if snapshot.stamp is None or not _is_still(lock, real):
                continue
            if not snapshot.settled:
                raise BlacklistError(being_written(where))
            content = change(snapshot.content)
            done = content == snapshot.content or _replace(real, content, lock, snapshot.stamp)


@contextmanager
def _locked(path: str) -> Iterator[int]:
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield handle
    finally:
        os.close(handle)


def _is_still(handle: int, path: str) -> bool:
    """Say whether a path is still the file that was opened: who held the lock has replaced it."""
    try:
        return os.path.samestat(os.fstat(handle), os.lstat(path))
    except OSError:
        return False


def _replace(path: str, content: bytes, old: int, stamp: tuple[int, ...]) -> bool:
    """Put a new file in the place of the old one; False if somebody has changed that meanwhile."""
    directory, name = os.path.split(path)
    place = os.open(directory or "/", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    new = f".{name}.{secrets.token_hex(8)}{_NEW}"
    try:
        _write(new, content, os.fstat(old), place)
        status = os.stat(name, dir_fd=place, follow_symlinks=False)
        times = status.st_mtime_ns, status.st_ctime_ns
        if (*times, status.st_size, status.st_ino, status.st_dev) != stamp:
            os.unlink(new, dir_fd=place)
            return False
        os.rename(new, name, src_dir_fd=place, dst_dir_fd=place)
        os.fsync(place)
    except BaseException:
        with suppress(OSError):
            os.unlink(new, dir_fd=place)
        raise
    finally:
        os.close(place)
    return True


def _write(name: str, content: bytes, like: os.stat_result, place: int) -> None:
    """Write a new file, with the owner and the permissions of another."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    with open(os.open(name, flags, 0o600, dir_fd=place), "wb") as file:  # noqa: PTH123
        file.write(content)
        file.flush()
        if (like.st_uid, like.st_gid) != (os.geteuid(), os.getegid()):
            os.fchown(file.fileno(), like.st_uid, like.st_gid)
        os.fchmod(file.fileno(), stat.S_IMODE(like.st_mode))
        os.fsync(file.fileno())


def _refuse_what_others_swap(*paths: str) -> None:
    """Refuse a directory in which anybody may put another file, or a link, in the list's place."""
    for path in paths:
        directory = os.path.dirname(os.path.abspath(path))  # noqa: PTH100, PTH120
        try:
            mode = os.stat(directory).st_mode  # noqa: PTH116
        except OSError:
            return  # whoever reads the list says what is wrong
        if mode & stat.S_IWOTH:
            raise BlacklistError(
                f"{directory} is writable for everybody, so anybody could lead this command to "
                f"another file: chmod o-w {directory}, or keep the list elsewhere"
            )
