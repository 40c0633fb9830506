"""Tables of large lists on disk: a new process need not read a list that has not changed.

The directory `blacklist` in the state directory has three kinds of files:

    DIGEST-KIND.table    a table; DIGEST is that of the list's bytes
    DIGEST-KIND.left     what is wrong with the lines that were left out of it, if any were
    DIGEST-KIND.part     the same while it is made; the process that makes it has a lock on it
    LIST.seen            for one list the stamp of its file when it was read, and its table

Every file is written beside its name and renamed. No file is forced to the disk, so a table is made
once more after the machine was started. Where a file can't be written or read, lists are read as
they are without a state directory.
"""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager, suppress
from hashlib import blake2b
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

from hookframe import Snapshot
from hookframe_blacklist.compressed import SUFFIX
from hookframe_blacklist.listfile import ListFile
from hookframe_blacklist.privatefile import (
    lock_private,
    open_private,
    read_private,
    remove_oldest,
    write_private,
)
from hookframe_blacklist.tablefile import read_table, write_table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from hookframe_blacklist.listfile import Fingerprint, ListPath
    from hookframe_blacklist.table import Shape, Table

_FORMAT: Final = "hookframe-blacklist 2"
"""What tells the format of the files; the number grows with each change."""
_BOOT: Final = "/proc/sys/kernel/random/boot_id"
"""What tells one start of the machine from another (random(4))."""
_KEPT: Final = 8
"""Files of each kind that are kept, and two for each list."""
_PATIENCE: Final = 10.0
"""Seconds to wait for a process that makes the same table."""
_POLL: Final = 0.02


def open_store(state_directory: str | None, lists: int) -> Store | None:
    """Open the store in the state directory.

    Args:
        state_directory: the path, or None where there is none.
        lists: how many lists the settings name.

    Returns:
        The store; None without a directory, or where it can't be used: the log says why.
    """
    if state_directory is None:
        return None
    directory = f"{state_directory}/blacklist"
    try:
        with suppress(FileExistsError):
            os.mkdir(directory, 0o700)  # noqa: PTH102  (faster than a Path)
        with open(_BOOT, encoding="ascii") as file:  # noqa: PTH123  (the same)
            return Store(directory, f"{_FORMAT} {file.read().strip()}", _KEPT + 2 * lists)
    except OSError as error:
        warn(directory, error)
        return None


class Store:
    """Tables on disk, shared by all processes.

    Args:
        directory: where they are.
        title: the format, and which start of the machine they are of.
        most: how many files of each kind are kept.
    """

    def __init__(self, directory: str, title: str, most: int) -> None:
        self.directory = directory
        self.most = most
        self._title = title

    def recall(self, where: ListPath) -> ListFile | None:
        """Find what was last made of a list, without a look at it.

        Returns:
            The list, which may have changed since: its `seen` tells. None where none is known.
        """
        try:
            title, key, *numbers, age = read_private(self._seen(where)).decode().split("\n")
            owner, mode, mtime, ctime, size, inode, device = map(int, numbers)
            stamp = mtime, ctime, size, inode, device
            seen = Snapshot(where.path, b"", owner, mode, stamp=stamp, age=float(age))
        except (OSError, ValueError):
            return None
        table = self.find(key) if title == self._title else None
        if table is None:
            return None
        fingerprint = bytes.fromhex(key.partition("-")[0]), owner, stat.S_IMODE(mode), None
        return ListFile(seen, fingerprint, table, self.left_out(key))

    def remember(self, where: ListPath, seen: Snapshot, fingerprint: Fingerprint) -> None:
        """Note the table of a list.

        Args:
            where: the list.
            seen: its file when it was read.
            fingerprint: of that.
        """
        numbers = seen.owner, seen.mode, *(seen.stamp or ()), seen.age
        text = "\n".join([self._title, key_of(where, fingerprint), *map(str, numbers)])
        try:
            write_private(self._seen(where), text.encode())
        except OSError as error:
            warn(self.directory, error)

    def find(self, key: str) -> Table | None:
        """Find a table that is whole, and that no other user could have written.

        Args:
            key: what `key_of` gives.
        """
        try:
            file = open_private(self._table(key))
        except OSError:
            return None
        try:
            with suppress(OSError):
                os.utime(file)  # those that were not used for longest are removed first
            return read_table(file, f"{self._title} {key}")
        except (OSError, ValueError):  # it is being changed
            return None
        finally:
            os.close(file)

    @contextmanager
    def turn(self, key: str, stopped: Callable[[], bool]) -> Iterator[Turn]:
        """Find a table, or let one process make it: the others wait for it, up to 10 s.

        Args:
            key: what `key_of` gives.
            stopped: says that nobody wants it any more.

        Yields:
            The table, or the right to make it, or neither: then it has to do without the store.
        """
        turn = self._wait(key, stopped)
        try:
            yield turn
        finally:
            turn.end()

    def left_out(self, key: str) -> str:
        """Describe the lines that were left out of a table; empty where none was."""
        try:
            return read_private(self._left(key)).decode("utf-8", "surrogateescape")
        except OSError:
            return ""

    def put(
        self, key: str, part: int, memory: int, shape: Shape, left_out: str = ""
    ) -> Table | None:
        """Put a table into the store.

        Args:
            key: what `key_of` gives.
            part: the file for it, which this process has locked.
            memory: a descriptor of the table.
            shape: of the table.
            left_out: what is wrong with the lines that were left out.

        Returns:
            The table as it is on disk now; None if that can't be done.
        """
        try:
            if left_out:
                write_private(self._left(key), left_out.encode("utf-8", "surrogateescape"))
            write_table(part, memory, shape, f"{self._title} {key}")
            os.rename(self._part(key), self._table(key))  # noqa: PTH104
        except OSError as error:
            warn(self.directory, error)
            self.remove_part(key)
            return None
        for ending in (".table", ".left", ".part", ".seen", ".new"):
            remove_oldest(self.directory, ending, self.most)
        return self.find(key)

    def remove_part(self, key: str) -> None:
        """Remove the file for a table that was not made; this process has locked it."""
        with suppress(OSError):
            os.unlink(self._part(key))  # noqa: PTH108

    def _wait(self, key: str, stopped: Callable[[], bool]) -> Turn:
        until = monotonic() + _PATIENCE
        while True:
            if (table := self.find(key)) is not None:
                return Turn(self, key, table, None)
            try:
                part = lock_private(self._part(key))
            except OSError as error:
                warn(self.directory, error)
                return Turn(self, key, None, None)
            if part is not None:  # another process may have made the table a moment ago
                return Turn(self, key, self.find(key), part)
            if stopped() or monotonic() > until:
                return Turn(self, key, None, None)
            sleep(_POLL)

    def _table(self, key: str) -> str:
        return f"{self.directory}/{key}.table"

    def _left(self, key: str) -> str:
        return f"{self.directory}/{key}.left"

    def _part(self, key: str) -> str:
        return f"{self.directory}/{key}.part"

    def _seen(self, where: ListPath) -> str:
        return f"{self.directory}/{name_of(where)}{'-skip' if where.skip else ''}.seen"


class Turn:
    """A table that was found, or the right to make it, or neither.

    Args:
        store: the store.
        key: of the table.
        table: the table, if it was found.
        part: the locked file for it, if this process is to make it.
    """

    def __init__(self, store: Store, key: str, table: Table | None, part: int | None) -> None:
        self.table = table
        self._store = store
        self._key = key
        self._part = part
        self._put = False

    @property
    def left_out(self) -> str:
        """What is wrong with the lines that were left out of the table that was found."""
        return self._store.left_out(self._key)

    def put(self, memory: int, shape: Shape, left_out: str = "") -> Table | None:
        """Put the table into the store, if this process was to make it; give it as it lies there.

        Args:
            memory: a descriptor of the table.
            shape: of the table.
            left_out: what is wrong with the lines that were left out.
        """
        if self._part is None:
            return None
        self._put = True
        return self._store.put(self._key, self._part, memory, shape, left_out)

    def end(self) -> None:
        """Let another process make the table, if it was not made."""
        if self._part is not None:
            if not self._put:
                self._store.remove_part(self._key)
            os.close(self._part)


def name_of(where: ListPath) -> str:
    """Name what belongs to a list, by its path and by what it lists."""
    path = where.path.encode("utf-8", "surrogatepass") + bytes([where.senders])
    return blake2b(path, digest_size=16).hexdigest()


def key_of(where: ListPath, fingerprint: Fingerprint) -> str:
    """Name the table of a list: by its bytes, and by all else that decides how they are read."""
    kind = "senders" if where.senders else "recipients"
    kind += "-skip" if where.skip else ""
    return f"{fingerprint[0].hex()}-{kind}{SUFFIX if where.path.endswith(SUFFIX) else ''}"


def warn(directory: str, error: OSError) -> None:
    """Log that the directory can't be used."""
    import logging  # noqa: PLC0415  (rare, and slow to import)

    logger = logging.getLogger("hookframe_blacklist")
    logger.warning("what was made of lists is not kept in %s: %s", directory, error)
