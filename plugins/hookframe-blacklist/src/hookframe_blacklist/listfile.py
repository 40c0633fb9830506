"""One list on disk: look whether it changed, and read it again if it did."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from hookframe_blacklist.entries import parse
from hookframe_blacklist.errors import BlacklistError

if TYPE_CHECKING:
    from collections.abc import Set

# The coarsest clock that a file system stamps with is FAT's, of two seconds.
_COARSEST_TICK_NS: Final = 2_000_000_000

# Never wait for a FIFO's writer, never become a terminal's session leader.
_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY

_KINDS: Final = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


class ListPath(NamedTuple):
    """Which file to read, and as what."""

    path: str
    """the absolute path"""
    senders: bool
    """whether it lists senders, rather than recipients"""


@dataclass(frozen=True, slots=True)
class ListFile:
    """A list as it was last read.

    Args:
        stamp: what `stat` said of the file: any change to it changes the stamp.
        settled: whether the stamp can be trusted: a file that was changed less than a clock tick
            before it was read may have been changed once more since, within the same tick.
        digest: of the file's bytes, which tells whether a distrusted stamp meant anything.
        entries: the entries, as `parse` gives them.
    """

    stamp: tuple[int, ...]
    settled: bool
    digest: bytes
    entries: Set[str]


def look(where: ListPath, known: ListFile | None) -> ListFile:
    """Read a list, unless it is known and has not changed.

    Args:
        where: the file.
        known: the list as it was last read, or None.

    Returns:
        `known` itself after no more than a `stat` where that shows no change, else the list anew.

    Raises:
        BlacklistError: the file is missing, can't be read, is not a regular file, or has a line
            that is no entry.
    """
    path = where.path
    try:
        found = os.stat(path)  # noqa: PTH116  (a Path costs more than the call)
        if known is not None and known.settled and known.stamp == _stamp(found):
            return known
        _require_regular(path, found)  # before opening: to open a device may do something
        return _read(where, known)
    except OSError as error:
        if error.errno is None:  # not the system's: a deadline's TimeoutError, say
            raise
        raise BlacklistError(
            f"{path} can't be read: {error.strerror}. A list that can't be read is not "
            "taken for an empty one: put it back, readable for the user that runs hookframe, or "
            "take it out of the settings"
        ) from error


def _read(where: ListPath, known: ListFile | None) -> ListFile:
    """Read the file, and parse it unless its bytes are those already known."""
    now = time.time_ns()
    with open(os.open(where.path, _FLAGS), "rb") as file:  # noqa: PTH123  (a descriptor)
        found = os.fstat(file.fileno())  # before reading: a change while we read shows next time
        _require_regular(where.path, found)
        data = file.read()
    stamp = _stamp(found)
    # The time of change, too: unlike the time of modification nobody can set it back.
    settled = max(found.st_mtime_ns, found.st_ctime_ns) + _COARSEST_TICK_NS < now
    digest = hashlib.sha256(data, usedforsecurity=False).digest()
    if known is not None and known.digest == digest:
        return replace(known, stamp=stamp, settled=settled)
    return ListFile(stamp, settled, digest, parse(data, where.path, senders=where.senders))


def _stamp(found: os.stat_result) -> tuple[int, ...]:
    return found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev


def _require_regular(path: str, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        raise BlacklistError(
            f"{path} is {kind}, not a file: name a text file with one entry a line"
        )
