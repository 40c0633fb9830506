"""A directory of log files like multilog's: `current` and rotated files.

Several processes may write at once. Each line is one write at the end of the file, and takes no
lock: a process that hangs can't keep others from writing. Before each line a writer checks that
`current` is still the file that it has open, since another process or program may rotate it.
"""

from __future__ import annotations

import errno
import fcntl
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from time import time_ns
from typing import Final

from hookframe._text import one_line
from hookframe.api.errors import LogUnusable
from hookframe.files.descriptors import OwnFile, duplicate_descriptor
from hookframe.log.dropped import DroppedLines
from hookframe.log.rate import OncePerSecond
from hookframe.log.tai64n import parse_tai64n, tai64n

_ROTATED_SUFFIXES: Final = (".s", ".u")
"""The suffixes of rotated files in multilog (multilog(8), `code`)."""
_FLAGS: Final = (
    os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
)
"""O_NONBLOCK only matters if `current` is a named pipe: opening it must not block."""
_CHECK_INTERVAL: Final = 1_000_000
"""Nanoseconds between two checks that the open file is still `current`, unless it is deleted or
full: in a flood of lines a check for each would cost as much as the writing."""


class LogDirectory:
    """A loguru sink that writes to such a directory.

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
        self._dropped = DroppedLines()
        self._file: OwnFile | None = None
        self._checked_at = 0
        try:
            self._file = self._open_current()
            os.close(self._lock())
        except OSError as error:
            raise LogUnusable(_explain_unusable(self._directory, error)) from None

    def write_line(self, text: str) -> None:
        """Write one printable line with its newline, or count it as dropped."""
        # The fast path of `_append`: the file is open, current and has room.
        now = time_ns()
        line = f"{tai64n(now)} {text}"
        file, dropped = self._file, self._dropped
        if file is not None and not dropped.torn and not dropped.lines:
            data = line.encode("utf-8", "backslashreplace")
            try:
                status = os.fstat(file.descriptor)
                if (
                    status[1:3] == file.identity
                    and status.st_nlink
                    and status.st_size + len(data) <= self._size
                    and (0 <= now - self._checked_at < _CHECK_INTERVAL or self._is_current(file))
                ):
                    dropped.torn = os.write(file.descriptor, data) < len(data)
                    if not dropped.torn:
                        return
            except OSError:  # `_deliver` tries again, and reports the error
                pass
        self._deliver(line, 1)

    def write(self, text: str) -> None:
        """Write a message of one or more lines of any text, or count its lines as dropped."""
        moment = tai64n(time_ns())
        first, *more = map(one_line, text.rstrip("\n").split("\n"))
        rest = "".join(f"{moment}   {line}\n" for line in more)
        self._deliver(f"{moment} {first}\n{rest}", 1 + len(more))

    def report_dropped(self) -> None:
        """Report dropped lines, if there are any and the log can be written."""
        if self._dropped.unreported:
            self._deliver("", 0)

    def _deliver(self, text: str, lines: int) -> None:
        """Write lines, preceded by a report of dropped ones."""
        dropped = self._dropped
        unreported = dropped.unreported
        if unreported:
            text = f"{tai64n(time_ns())} WARNING {dropped.describe()}\n{text}"
        try:
            self._append(text.encode("utf-8", "backslashreplace"))
        except OSError as error:
            dropped.add(lines, error.strerror or str(error))
            self._report_failure("can't be written to", dropped.describe())
        else:
            dropped.mark_reported(unreported)

    def _append(self, data: bytes) -> None:
        """Append bytes to `current` in one call, so that no other writer's are mixed in."""
        file, length = self._ensure_current()
        if length and length + len(data) > self._size and self._rotate(file):
            file, _ = self._ensure_current()
        if self._dropped.torn:
            data = b"\n" + data
        written = os.write(file.descriptor, data)
        self._dropped.torn = written < len(data)
        if self._dropped.torn:
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
            self._dropped.torn = False
        return new, new.length or 0

    def _is_current(self, file: OwnFile) -> bool:
        try:
            status = os.lstat(self._current)
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError:  # unknown: the open file may still be writable
            return True
        self._checked_at = time_ns()
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

    def _lock(self) -> int:
        flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
        return os.open(self._directory / "lock", flags, 0o640)

    def _rotate(self, file: OwnFile) -> bool:
        """Rotate `current`, unless another process is doing so; return whether it is rotated.

        If it is not, the next line tries again; `current` grows meanwhile.
        """
        try:
            lock = self._lock()
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if self._is_current(file):  # not if another process has just done it
                    self._rename()
            finally:
                fcntl.flock(lock, fcntl.LOCK_UN)  # a child may have been forked with a copy
                os.close(lock)
        except BlockingIOError:
            return False
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
        why = "current or lock is a symbolic link there"
    else:
        why = error.strerror or str(error)
    return (
        f"the log can't be written to {directory}: {why}; let the user who runs hookframe "
        f"(user id {os.geteuid()}) create files there, or set another directory in [log]"
    )
