"""A large list is read aside: by a process of its own, so that this one goes on deciding."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import nullcontext, suppress
from io import BytesIO
from mmap import PROT_READ, mmap
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

from hookframe_blacklist.errors import BlacklistError
from hookframe_blacklist.limits import NEEDED
from hookframe_blacklist.listfile import ListFile, ListPath, read_file
from hookframe_blacklist.reader import Memories
from hookframe_blacklist.store import key_of
from hookframe_blacklist.table import Both, Shape, Table

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from types import TracebackType

    from hookframe import Snapshot
    from hookframe_blacklist.listfile import Fingerprint
    from hookframe_blacklist.store import Store, Turn

_PROGRAM: Final = (
    "import sys; sys.path += (sys.argv.pop(1), sys.argv.pop(1)); "
    "from hookframe_blacklist.reader import main; main()"
)
_HOMES: Final = [
    str(Path(str(sys.modules[package].__file__)).parent.parent)
    for package in ("hookframe_blacklist", "hookframe")
]


class Reading:
    """One reading of a large list. At the end of the `with` block nothing is left of its process.

    It is started by what `subprocess` does (vfork and exec), never by a fork of this process,
    which has threads.

    Args:
        where: the list.

    Raises:
        BlacklistError: no process can be started.
    """

    def __init__(self, where: ListPath) -> None:
        self.seen: Snapshot | None = None
        """the file as it is being read, without its content"""
        self._where = where
        self._cancelled = False
        self._left_out = ""
        self._memories = Memories(*(os.memfd_create(name) for name in Memories._fields))
        kind = "senders" if where.senders else "recipients"
        try:
            self._process = subprocess.Popen(  # noqa: S603  (our own program)
                [
                    *(sys.executable, "-I", "-S", "-c", _PROGRAM, *_HOMES),
                    *(kind, "skip" if where.skip else "error"),
                    *(where.path, *map(str, self._memories)),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                pass_fds=self._memories,
                cwd="/",
                process_group=0,  # a Ctrl-C in our terminal is not for it
            )
        except OSError as error:
            self._close_memories()
            raise BlacklistError(
                f"{where.path} is so large that a process of its own reads it, and none can be "
                f"started: {error.strerror}"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.cancel()
        with suppress(OSError):
            self._process.communicate()
        self._close_memories()

    def cancel(self) -> None:
        """End it now, from any thread."""
        self._cancelled = True
        if self._process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def lists(self, known: ListFile | None, store: Store | None = None) -> Iterator[ListFile]:
        """Read the list while this process has other things to do.

        Args:
            known: the list as it was last read, or None.
            store: has the tables that were made before, and takes a new one.

        Yields:
            The list; and then perhaps once more, with entries that are found faster. Nothing
            where somebody is writing it.

        Raises:
            BlacklistError: it can't be used.
        """
        self.seen = seen = read_file(self._where.path, self._memories.content)
        if not seen.settled:
            return
        fingerprint = None
        if store is not None or (known is not None and known.seen.stamp == seen.stamp):
            # A stamp may be too young to prove anything: most likely nothing has changed.
            fingerprint = self._fingerprint(seen)
            if known is not None and known.fingerprint == fingerprint:
                self._remember(store, seen, fingerprint)
                yield known._replace(seen=seen)
                return
        with self._turn(store, fingerprint) as turn:
            if turn is not None and turn.table is not None:
                self._remember(store, seen, fingerprint)
                yield ListFile(seen, fingerprint, turn.table, turn.left_out)
                return
            self._go_ahead()
            tables = self._next()
            if len(tables) > 1:
                yield ListFile(seen, None, Both(*map(_table, tables)))
            # This takes its time, and now nobody waits for it.
            fingerprint = fingerprint or self._fingerprint(seen)
            [made] = tables if len(tables) == 1 else self._next()
            kept = turn.put(*made, self._left_out) if turn is not None else None
            self._remember(store, seen, fingerprint)
            yield ListFile(seen, fingerprint, kept or _table(made), self._left_out)

    def _turn(
        self, store: Store | None, fingerprint: Fingerprint | None
    ) -> AbstractContextManager[Turn | None]:
        if store is None or fingerprint is None:
            return nullcontext()
        return store.turn(key_of(self._where, fingerprint), lambda: self._cancelled)

    def _remember(
        self, store: Store | None, seen: Snapshot, fingerprint: Fingerprint | None
    ) -> None:
        if store is not None and fingerprint is not None:
            store.remember(self._where, seen, fingerprint)

    def _fingerprint(self, seen: Snapshot) -> Fingerprint:
        if not os.fstat(self._memories.content).st_size:
            return seen.fingerprint
        with mmap(self._memories.content, 0, prot=PROT_READ) as content:
            return seen.fingerprint_of(content)

    def _go_ahead(self) -> None:
        """Tell the process that the whole content is there."""
        stdin, self._process.stdin = self._process.stdin, None
        if stdin is not None:
            with suppress(BrokenPipeError), stdin:  # why it has ended is seen in what it says
                stdin.write(b"go\n")

    def _next(self) -> list[tuple[int, Shape]]:
        """Wait for the next table, or for two that each have one half of the list."""
        output = self._process.stdout or BytesIO()
        memories = self._memories
        words = output.readline().removesuffix(b"\n").split(b" ", 3)
        match words:
            case [b"one", buckets, domains]:
                return [(memories.first, Shape(int(buckets), False, domains == b"1"))]
            case [b"fine", buckets, domains]:
                return [(memories.fine, Shape(int(buckets), False, domains == b"1"))]
            case [b"left", buckets, domains, text]:
                self._left_out = text.decode("utf-8", "surrogateescape")
                return [(memories.fine, Shape(int(buckets), False, domains == b"1"))]
            case [b"two", buckets, domains]:
                shape = Shape(int(buckets), True, domains == b"1")
                return [(memories.first, shape), (memories.second, shape)]
            case [b"wrong"]:
                why = output.read().removesuffix(b"\n")
                raise BlacklistError(why.decode("utf-8", "surrogateescape"))
        raise BlacklistError(self._death())

    def _death(self) -> str:
        self.seen = None  # so that it is read again
        lines = self._process.communicate()[1].decode("utf-8", "replace").splitlines()
        status = self._process.returncode
        how = f"with signal {-status}" if status < 0 else f"with exit status {status}"
        last = f", saying {lines[-1]!a}" if lines else ""
        return (
            f"the process that reads {self._where.path} has ended too early, {how}{last}; it is "
            f"started again, and needs up to {NEEDED} times as much memory as the list is large, "
            "and some 6 MB"
        )

    def _close_memories(self) -> None:
        for memory in self._memories:
            os.close(memory)


def _table(made: tuple[int, Shape]) -> Table:
    memory, shape = made
    return Table(mmap(memory, 0, prot=PROT_READ), shape)
