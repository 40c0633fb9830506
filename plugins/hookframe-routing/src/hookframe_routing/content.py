"""One reading of the rule file: what it said, and what became of it."""

from __future__ import annotations

import hashlib
import os
import stat
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from hookframe_routing.load import load_document
from hookframe_routing.problems import Problem, RoutingError

if TYPE_CHECKING:
    from hookframe_routing.table import Table

# Never wait for the writer of a FIFO, never become a terminal's session leader.
_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY
_COARSEST_TICK: Final = 2.0
"""Seconds; the coarsest clock that a file system stamps with is FAT's."""
_KINDS: Final = {
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}

Stamp = tuple[int, int, int, int, int]
"""Modification time, change time (both in ns), size, inode and device."""


@dataclass(frozen=True, slots=True)
class Content:
    """The rule file as it was read.

    Args:
        stamp: what `stat` said of it just before; None where it could not be read.
        final: whether an equal stamp proves an unchanged file: not so for one that was changed
            less than a clock tick before, as it may have been changed once more since.
        digest: of its bytes, which tells what a stamp can't.
        table: its rules; None where they are wrong.
        error: what is wrong, None where nothing is.
    """

    stamp: Stamp | None
    final: bool
    digest: bytes
    table: Table | None
    error: RoutingError | None

    def is_still(self, stamp: Stamp) -> bool:
        """Say whether a stamp proves that the file is as it was read."""
        return self.final and self.stamp == stamp


def never_read(path: str) -> Content:
    """Give what stands for a file before it is read: an error, as there is no table yet."""
    error = RoutingError([Problem("", "has not been read yet; call configure first")], path)
    return Content(None, False, b"", None, error)


def stamp_of(path: str) -> tuple[Stamp, float]:
    """Ask for a file's stamp, and for its age in seconds.

    The age counts from the change time too: unlike the modification time, nobody can set it.

    Raises:
        RoutingError: there is no such regular file.
    """
    try:
        found = os.stat(path)  # noqa: PTH116  (a Path costs more than the call)
    except OSError as error:
        raise unreadable(path, error) from None
    return _stamp(found, path)


def _stamp(found: os.stat_result, path: str) -> tuple[Stamp, float]:
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        raise RoutingError([Problem("", f"is {kind}; expected a TOML file of rules")], path)
    changed = max(found.st_mtime_ns, found.st_ctime_ns)
    stamp = (found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_dev)
    return stamp, time.time() - changed / 1e9


def unreadable(path: str, error: OSError) -> RoutingError:
    """Say that the rule file can't be read, and what to do."""
    text = (
        f"can't be read: {error.strerror or error}; expected a file of rules that is readable "
        "for the user that runs hookframe: put it back, or change `file` in "
        "[plugins.routing.settings]"
    )
    return RoutingError([Problem("", text)], path)


def read_content(path: str, further: frozenset[str], known: Content | None) -> Content:
    """Read the rule file, and make its table unless its bytes are those already known.

    Args:
        path: the file.
        further: the keys beyond the nine that rules may match.
        known: what was read before.

    Returns:
        What was read, right or wrong.
    """
    try:
        # Before opening it, as to open a device may do something.
        stamp_of(path)
        with open(os.open(path, _FLAGS), "rb") as file:  # noqa: PTH123  (a descriptor)
            # Before reading it, so that a change in the meantime shows at the next look.
            stamp, age = _stamp(os.fstat(file.fileno()), path)
            content = file.read()
    except OSError as error:
        return Content(None, False, b"", None, unreadable(path, error))
    except RoutingError as error:
        return Content(None, False, b"", None, error)
    final = age > _COARSEST_TICK
    digest = hashlib.sha256(content, usedforsecurity=False).digest()
    if known is not None and known.stamp is not None and known.digest == digest:
        return replace(known, stamp=stamp, final=final)
    try:
        return Content(stamp, final, digest, load_document(content, path, further), None)
    except RoutingError as error:
        return Content(stamp, final, digest, None, error)
