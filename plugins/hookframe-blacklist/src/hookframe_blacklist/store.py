"""Tables of large lists on disk: a new process need not read a list that has not changed.

The directory `blacklist` in the state directory has three kinds of files:

    DIGEST-KIND.table    a table; DIGEST is that of the list's bytes
    DIGEST-KIND.part     the same while it is made; the process that makes it has a lock on it
    LIST.seen            for one list the stamp of its file when it was read, and its table

Every file is written beside its name and renamed. No file is forced to the disk, so a table is made
once more after the machine was started. Where a file can't be written or read, lists are read as
they are without a state directory.
"""

from __future__ import annotations

import os
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
        _warn(directory, error)
        return None


class Store:
    """Tables on disk, shared by all processes.

    Args:
        directory: where they are.
        title: the format, and which start of the machine they are of.
        most: how many files of each kind are kept.
    """

    def __init__(self, directory: str, title: str, most: int) -> None:
        self._directory = directory
        self._title = title
        self._most = most

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
        return None if table is None else ListFile(seen, None, table)

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
            _warn(self._directory, error)

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

    def put(self, key: str, part: int, memory: int, shape: Shape) -> Table | None:
        """Put a table into the store.

        Args:
            key: what `key_of` gives.
            part: the file for it, which this process has locked.
            memory: a descriptor of the table.
            shape: of the table.

        Returns:
            The table as it is on disk now; None if that can't be done.
        """
        try:
            write_table(part, memory, shape, f"{self._title} {key}")
            os.rename(self._part(key), self._table(key))  # noqa: PTH104
        except OSError as error:
            _warn(self._directory, error)
            self.remove_part(key)
            return None
        for ending in (".table", ".part", ".seen", ".new"):
            remove_oldest(self._directory, ending, self._most)
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
                _warn(self._directory, error)
                return Turn(self, key, None, None)
            if part is not None:  # another process may have made the table a moment ago
                return Turn(self, key, self.find(key), part)
            if stopped() or monotonic() > until:
                return Turn(self, key, None, None)
            sleep(_POLL)

    def _table(self, key: str) -> str:
        return f"{self._directory}/{key}.table"

    def _part(self, key: str) -> str:
        return f"{self._directory}/{key}.part"

    def _seen(self, where: ListPath) -> str:
        path = where.path.encode("utf-8", "surrogatepass") + bytes([where.senders])
        return f"{self._directory}/{blake2b(path, digest_size=16).hexdigest()}.seen"


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

    def put(self, memory: int, shape: Shape) -> Table | None:
        """Put the table into the store, if this process was to make it; give it as it lies there.

        Args:
            memory: a descriptor of the table.
            shape: of the table.
        """
        if self._part is None:
            return None
        self._put = True
        return self._store.put(self._key, self._part, memory, shape)

    def end(self) -> None:
        """Let another process make the table, if it was not made."""
        if self._part is not None:
            if not self._put:
                self._store.remove_part(self._key)
            os.close(self._part)


def key_of(where: ListPath, fingerprint: Fingerprint) -> str:
    """Name the table of a list: by its bytes, and by all else that decides how they are read."""
    kind = "senders" if where.senders else "recipients"
    return f"{fingerprint[0].hex()}-{kind}{SUFFIX if where.path.endswith(SUFFIX) else ''}"


def _warn(directory: str, error: OSError) -> None:
    import logging  # noqa: PLC0415  (rare, and slow to import)

    logger = logging.getLogger("hookframe_blacklist")
    logger.warning("tables of large lists are not kept in %s: %s", directory, error)
