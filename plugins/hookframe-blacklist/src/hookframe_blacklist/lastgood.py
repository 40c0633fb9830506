"""The last good lists: a copy of each goes on while the list itself can't be used.

The directory `blacklist` in the state directory has two more kinds of files for them:

    LIST-DIGEST.good    a copy of the list as it was last good, whole and on the disk
    LIST.broken         since when the list can't be used, in UNIX seconds
"""

from __future__ import annotations

import os
from contextlib import suppress
from mmap import PROT_READ, mmap
from time import time
from typing import TYPE_CHECKING, Final

from hookframe import take_snapshot
from hookframe_blacklist.compressed import SUFFIX
from hookframe_blacklist.limits import LARGEST
from hookframe_blacklist.listfile import ListPath
from hookframe_blacklist.privatefile import (
    open_private,
    read_private,
    remove_oldest,
    rewrite_private,
    write_private,
)
from hookframe_blacklist.store import name_of, warn

if TYPE_CHECKING:
    from hookframe_blacklist.store import Store

_GOOD: Final = ".good"


class LastGood:
    """Copies of lists as they were last good, and since when each list can't be used.

    Args:
        store: knows the directory; None keeps no copies, and times in memory only.
    """

    def __init__(self, store: Store | None) -> None:
        self._store = store
        self._since: dict[ListPath, float | None] = {}

    def keep(self, where: ListPath, digest: bytes) -> None:
        """Copy a list, unless there is a copy of it as it is.

        Args:
            where: the list.
            digest: of its bytes, as `Snapshot.fingerprint` has it.
        """
        if self._store is None:
            return
        ending = _GOOD + (SUFFIX if where.path.endswith(SUFFIX) else "")
        path = f"{self._path(where)}-{digest.hex()}{ending}"
        try:
            os.utime(path)
        except OSError:
            try:
                if not rewrite_private(path, lambda handle: _copy(where.path, digest, handle)):
                    return  # it has changed meanwhile: the copy of before may still be needed
            except OSError as error:
                warn(self._store.directory, error)
                return
            remove_oldest(self._store.directory, ending, self._store.most)
        with suppress(OSError):  # another process or thread may have made a newer copy
            made = os.stat(path).st_mtime_ns  # noqa: PTH116
            for other in self._copies(where):
                if os.stat(other).st_mtime_ns < made:  # noqa: PTH116
                    os.unlink(other)  # noqa: PTH108

    def copy_of(self, where: ListPath) -> ListPath | None:
        """Find the copy of a list; None where there is none that only this user could write."""
        found = []
        for path in self._copies(where):
            with suppress(OSError):
                handle = open_private(path)
                found.append((os.fstat(handle).st_mtime_ns, path))
                os.close(handle)
        return where._replace(path=max(found)[1]) if found else None

    def broken(self, where: ListPath) -> float:
        """Note that a list can't be used; return since when, in UNIX seconds."""
        since = self._since.get(where)
        if since is None:
            self._since[where] = since = self._read_since(where)
        return since

    def mended(self, where: ListPath) -> None:
        """Note that a list can be used."""
        if self._since.get(where, 0.0) is not None:
            self._since[where] = None
            if self._store is not None:
                with suppress(OSError):
                    os.unlink(self._broken(where))  # noqa: PTH108

    def _read_since(self, where: ListPath) -> float:
        """Read what another process has noted, else note the time."""
        now = time()
        if self._store is None:
            return now
        try:
            return min(now, float(read_private(self._broken(where))))
        except (OSError, ValueError):
            try:
                write_private(self._broken(where), str(now).encode())
            except OSError as error:
                warn(self._store.directory, error)
        return now

    def _copies(self, where: ListPath) -> list[str]:
        """List the copies of a list; there are several for moments only."""
        if self._store is None:
            return []
        start, ends = f"{name_of(where)}-", (_GOOD, _GOOD + SUFFIX)
        try:
            names = os.listdir(self._store.directory)  # noqa: PTH208
        except OSError:
            return []
        return [
            f"{self._store.directory}/{name}"
            for name in names
            if name.startswith(start) and name.endswith(ends)
        ]

    def _broken(self, where: ListPath) -> str:
        return f"{self._path(where)}.broken"

    def _path(self, where: ListPath) -> str:
        assert self._store is not None  # noqa: S101  (no path is asked for without one)
        return f"{self._store.directory}/{name_of(where)}"


def _copy(path: str, digest: bytes, into: int) -> bool:
    """Copy a list that has not changed since it was read; say whether that is so."""
    seen = take_snapshot(path, LARGEST, into)
    if seen.error is not None or not seen.settled:
        return False
    if not os.fstat(into).st_size:
        return seen.fingerprint[0] == digest
    with mmap(into, 0, prot=PROT_READ) as content:
        return seen.fingerprint_of(content)[0] == digest
