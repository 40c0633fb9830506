"""The thread that writes the log of all processes of the daemon."""

from __future__ import annotations

import os
import select
from collections.abc import Callable
from contextlib import suppress
from threading import Event
from time import monotonic
from typing import TYPE_CHECKING, Final

from hookframe.api.errors import LogUnusable
from hookframe.log.directory import LogDirectory
from hookframe.log.pipe import PipeReader
from hookframe.log.rate import OncePerSecond
from hookframe.log.stderr import open_standard_error
from hookframe.log.tai64n import localize, stamp

if TYPE_CHECKING:
    from hookframe.config.model import LogTable

_UPKEEP: Final = 1000
"""Milliseconds between two looks at what was lost."""


class LogWriter:
    """Writes what comes through the pipe to the directory of the log.

    Where there is no directory, or it can't be used at the start, the lines go to standard error.
    Only its own thread touches the disk, which may be frozen.

    Args:
        descriptor: the reading end of the pipe.
        table: the configuration of the log.
        take_lost: returns how many lines found no room in the pipe since its last call.
    """

    def __init__(
        self, descriptor: int, table: LogTable, take_lost: Callable[[], int] = lambda: 0
    ) -> None:
        self._descriptor = descriptor
        self._take_lost = take_lost
        self._lost_limit = OncePerSecond()
        self._reader = PipeReader(descriptor, self._write)
        self._terminal = open_standard_error()
        self._directory: LogDirectory | None = None
        self._wanted: LogTable | None = table
        """the configuration that does not hold yet"""
        self._open_limit = OncePerSecond()
        self._woken = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self._finishing = False
        self._finished = Event()

    def run(self) -> None:
        """Write until `finish`."""
        poll = select.poll()
        for descriptor in (self._descriptor, self._woken):
            poll.register(descriptor, select.POLLIN)
        while True:
            finishing = self._finishing  # before the last look at the pipe
            if self._wanted is not None and self._open_limit.due():
                self._open(self._wanted)
            if self._reader.read():
                self._report_lost()
                continue
            if finishing:
                break
            self._do_upkeep()
            poll.poll(_UPKEEP)
            self._clear_wake()
        self._reader.pass_on_torn(force=True)
        self._lost_limit = OncePerSecond()
        self._do_upkeep()
        self._finished.set()

    def reopen(self, table: LogTable) -> None:
        """Write to the directory of a changed configuration; keep the old one if it can't be used.

        It returns at once.
        """
        self._open_limit = OncePerSecond()
        self._wanted = table
        os.eventfd_write(self._woken, 1)

    def finish(self, until: float) -> None:
        """Write what is in the pipe, and stop.

        Args:
            until: how long to wait for it, by the monotonic clock.
        """
        self._finishing = True
        os.eventfd_write(self._woken, 1)
        self._finished.wait(max(0.0, until - monotonic()))

    def _open(self, table: LogTable) -> None:
        """Open the directory of a configuration."""
        try:
            new = (
                LogDirectory(table.directory, table.size, table.files, self._complain)
                if table.directory is not None
                else None
            )
        except LogUnusable as error:
            self._complain(str(error))
            if self._directory is None:
                return  # tried again
            self._directory.write(stamp(f"ERROR   {error}; it stays where it is"))
        else:
            if self._directory is not None:
                where = table.directory or "standard error"
                self._directory.write(stamp(f"INFO    the log goes on at {where}"))
            self._directory = new
        if self._wanted is table:
            self._wanted = None

    def _write(self, line: str) -> None:
        if self._directory is not None:
            self._directory.write(line)
        else:
            self._terminal.write(f"{localize(line)}\n")

    def _do_upkeep(self) -> None:
        self._reader.pass_on_torn()
        self._report_lost()
        if self._directory is not None:
            self._directory.report_lost()

    def _report_lost(self) -> None:
        """Write how many lines found no room in the pipe, once a second."""
        if self._lost_limit.due() and (lost := self._take_lost()):
            lines = "1 line" if lost == 1 else f"{lost} lines"
            text = f"{lines} of the log lost: the process that writes them does not keep up"
            self._write(stamp(f"WARNING {text}"))

    def _complain(self, text: str) -> None:
        self._terminal.write(f"hookframe: {text}\n")

    def _clear_wake(self) -> None:
        with suppress(BlockingIOError):
            os.eventfd_read(self._woken)
