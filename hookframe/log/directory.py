"""A directory of log files like multilog's: `current` and rotated files.

One process writes to it. Before each line it checks that `current` is still the file that it has
open, since another program may rotate it, or a second writer while this one waits for the disk.
Each line is one write at the end of the file, so that no line of a second writer is mixed in.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import time_ns
from typing import Final

from hookframe.api.errors import LogUnusable
from hookframe.files.descriptors import OwnFile, duplicate_descriptor
from hookframe.log.rate import LostLines, OncePerSecond
from hookframe.log.tai64n import parse_tai64n, stamp, tai64n

_ROTATED_SUFFIXES: Final = (".s", ".u")
"""The suffixes of rotated files in multilog (multilog(8), `code`)."""
_FLAGS: Final = (
    os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
)
"""O_NONBLOCK only matters if `current` is a named pipe: opening it must not block."""


class LogDirectory:
    """Writes lines to such a directory.

    Writing never raises: lines that can't be written are counted, and their number is written
    before the next line.

    Args:
        directory: the path of the directory, which is created if it is missing.
        size: the maximum size of `current` in bytes.
        files: the number of rotated files that are kept.
        report: is called with a sentence, at most once a second, while the log can't be written.

    Raises:
        LogUnusable: the directory can't be written to now.
    """

    def __init__(
        self, directory: str, size: int, files: int, report: Callable[[str], None]
    ) -> None:
        self._directory = Path(directory).absolute()  # a plugin may change the current one
        self._current = str(self._directory / "current")
        self._size = size
        self._files = files
        self._report = report
        self._report_limit = OncePerSecond()
        self._lost = LostLines()
        self._file: OwnFile | None = None
        try:
            self._file = self._open_current()
        except OSError as error:
            raise LogUnusable(_explain_unusable(self._directory, error)) from None

    def write(self, line: str) -> None:
        """Write one printable line, which begins with its time, or count it as lost."""
        self._deliver(f"{line}\n", 1)

    def report_lost(self) -> None:
        """Report lost lines, if there are any and the log can be written."""
        if self._lost.unreported:
            self._deliver("", 0)

    def _deliver(self, text: str, lines: int) -> None:
        """Write a line, preceded by a report of lost ones."""
        lost = self._lost
        unreported = lost.unreported
        if unreported:
            text = f"{stamp(f'WARNING {lost.describe()}')}\n{text}"
        try:
            self._append(text.encode("utf-8", "backslashreplace"))
        except OSError as error:
            lost.add(lines, error.strerror or str(error))
            self._report_failure("can't be written to", lost.describe())
        else:
            lost.mark_reported(unreported)

    def _append(self, data: bytes) -> None:
        """Append bytes to `current` in one call, so that no other writer's are mixed in."""
        file, length = self._ensure_current()
        if length and length + len(data) > self._size and self._rotate(file):
            file, _ = self._ensure_current()
        if self._lost.torn:
            data = b"\n" + data
        written = os.write(file.descriptor, data)
        self._lost.torn = written < len(data)
        if self._lost.torn:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def _ensure_current(self) -> tuple[OwnFile, int]:
        """Return `current` and its length; open it if the open file is not `current`."""
        file = self._file
        if file is not None:
            length = file.length
            if length is not None and self._is_current(file):
                return file, length
        new = self._file = self._open_current()
        if file is None or new.identity != file.identity:
            self._lost.torn = False
        return new, new.length or 0

    def _is_current(self, file: OwnFile) -> bool:
        try:
            status = os.lstat(self._current)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:  # unknown: the open file may still be writable
            return True
        return status[1:3] == file.identity

    def _open_current(self) -> OwnFile:
        try:
            descriptor = os.open(self._current, _FLAGS, 0o640)
        except FileNotFoundError:
            self._directory.mkdir(0o750, parents=True, exist_ok=True)
            descriptor = os.open(self._current, _FLAGS, 0o640)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise OSError(errno.EINVAL, f"{self._current} is not a regular file")
            return OwnFile(duplicate_descriptor(descriptor), status[1:3])
        finally:
            os.close(descriptor)

    def _rotate(self, file: OwnFile) -> bool:
        """Rotate `current`, unless a second writer has just done so; return whether it is rotated.

        If it is not, the next line tries again; `current` grows meanwhile.
        """
        try:
            if self._is_current(file):
                self._rename()
        except FileNotFoundError:  # the other writer was faster; a lost directory is found next
            return True
        except OSError as error:
            self._report_failure("can't be rotated in", error.strerror or str(error))
            return False
        return True

    def _rename(self) -> None:
        """Rename `current` to the newest rotated file, and delete the oldest ones."""
        old = {
            name: moment
            for name in (path.name for path in self._directory.iterdir())
            if name.endswith(_ROTATED_SUFFIXES) and (moment := parse_tai64n(name[:-2])) is not None
        }
        # Names are in the order of rotation even if the clock was set back.
        moment = max([time_ns(), *(each + 1 for each in old.values())])
        Path(self._current).rename(self._directory / f"{tai64n(moment)}{_ROTATED_SUFFIXES[0]}")
        for name in sorted(old, key=old.__getitem__)[: max(0, len(old) + 1 - self._files)]:
            with suppress(OSError):
                (self._directory / name).unlink()

    def _report_failure(self, what: str, why: str) -> None:
        if self._report_limit.due():
            self._report(f"the log {what} {self._directory}: {why}")


def _explain_unusable(directory: Path, error: OSError) -> str:
    """Describe why a directory can't be used, and what to do."""
    if error.errno == errno.ELOOP:
        why = "current is a symbolic link there"
    else:
        why = error.strerror or str(error)
    return (
        f"the log can't be written to {directory}: {why}; let the user who runs hookframe "
        f"(user id {os.geteuid()}) create files there, or set another directory in [log]"
    )
