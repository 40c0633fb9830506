"""A pipe for the log lines of several processes to the one that writes them.

A line is sent in frames of at most PIPE_BUF bytes, because each of those is written as a whole or
not at all (pipe(7)): `STX pid flags piece ETX`. A line of the log has no control characters, so a
reader that begins within a frame finds the next one.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Final

from hookframe._text import one_line
from hookframe.files.descriptors import SavedDescriptor, duplicate_descriptor
from hookframe.log.tai64n import localize, stamp

if TYPE_CHECKING:
    from hookframe.log.stderr import Writable

_CAPACITY: Final = 1 << 20
"""Bytes that a pipe holds for a process without privileges (pipe(7), `pipe-max-size`)."""
_READ: Final = 1 << 12
"""Bytes that are read at a time: so much is lost if the process that writes is killed."""
_PIECE: Final = select.PIPE_BUF - 32
"""Bytes of a line in one frame; the rest is for the marks around them."""
_MOST_PIECES: Final = 64
"""More pieces than a line can have."""
_TORN_AFTER: Final = 1.0
"""Seconds after which the rest of a line is not awaited any more."""
_FIRST, _LAST = 1, 2
_FRAME: Final = re.compile(rb"\x02([0-9a-f]+) ([0-3]) ([^\x02]*)", re.DOTALL)
_REST_LOST: Final = " … (the rest of this line is lost)"
_BEGINNING_LOST: Final = "WARNING 1 line of the log lost: its beginning is missing"


class LogPipe:
    """Both ends of the pipe, which child processes inherit.

    Args:
        reading: the end of the process that writes the lines; it does not block.
        writing: the end of all processes; it does not block.
        lost: an eventfd(2) that adds up the lines for which the pipe had no room, those of
            processes that have ended too; -1 to count none.
    """

    def __init__(self, reading: int, writing: int, lost: int = -1) -> None:
        self.reading = reading
        self.writing = SavedDescriptor(writing)
        self.lost = lost

    @classmethod
    def open(cls) -> LogPipe:
        """Make a pipe.

        Raises:
            OSError: no descriptor is free.
        """
        ends = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        with suppress(OSError):  # the user has too many large pipes
            fcntl.fcntl(ends[1], fcntl.F_SETPIPE_SZ, _CAPACITY)
        low = (*ends, os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK))
        high = [duplicate_descriptor(each) for each in low]
        for each in low:
            os.close(each)
        return cls(*high)

    def count_lost(self, lines: int) -> None:
        """Count lines that could not be sent."""
        with suppress(OSError):  # a plugin has closed it
            os.eventfd_write(self.lost, lines)

    def take_lost(self) -> int:
        """Return how many lines were lost since the last call."""
        try:
            return os.eventfd_read(self.lost)
        except OSError:  # none
            return 0


class PipeSink:
    """Sends lines through the pipe.

    It never blocks and never raises: lines for which the pipe has no room are counted.

    Args:
        pipe: the pipe.
        terminal: takes the lines if a plugin has closed the pipe.
    """

    def __init__(self, pipe: LogPipe, terminal: Writable) -> None:
        self._pipe = pipe
        self._terminal = terminal

    def write(self, text: str) -> None:
        """Send a line with the present time, or count it as lost."""
        try:
            self._send(stamp(one_line(text.rstrip("\n"))))
        except OSError:
            self._pipe.count_lost(1)

    def _send(self, line: str) -> None:
        descriptor = self._pipe.writing.descriptor
        if descriptor is None:
            self._terminal.write(f"{localize(line)}\n")
            return
        data = line.encode("utf-8", "backslashreplace")
        sender = os.getpid()  # a plugin may have forked
        for start in range(0, len(data), _PIECE):
            flags = (start == 0) * _FIRST | (start + _PIECE >= len(data)) * _LAST
            piece = data[start : start + _PIECE]
            os.write(descriptor, b"\x02%x %d %b\x03" % (sender, flags, piece))


@dataclass
class _Message:
    """The pieces of a line that have arrived."""

    pieces: list[bytes] = field(default_factory=list)
    at: float = 0.0
    """when the last one did, by the monotonic clock"""


class PipeReader:
    """Puts the lines of all processes together.

    Args:
        descriptor: the reading end of the pipe.
        write: takes each line, without its end.
    """

    def __init__(self, descriptor: int, write: Callable[[str], object]) -> None:
        self._descriptor = descriptor
        self._write = write
        self._rest = b""
        self._messages: dict[bytes, _Message] = {}
        """unfinished lines by the process that sends them"""

    def read(self) -> bool:
        """Read what is there, and pass on whole lines; return whether there was anything."""
        try:
            data = os.read(self._descriptor, _READ)
        except BlockingIOError:
            return False
        *frames, rest = (self._rest + data).split(b"\x03")
        self._rest = rest[-select.PIPE_BUF :]
        for frame in frames:
            self._take(frame)
        return bool(data)

    def pass_on_torn(self, *, force: bool = False) -> None:
        """Pass on the beginnings of lines whose rest does not arrive.

        Args:
            force: whether to wait no longer for any.
        """
        before = monotonic() - _TORN_AFTER
        for sender, message in list(self._messages.items()):
            if force or message.at <= before:
                self._pass_on(sender, _REST_LOST)

    def _take(self, frame: bytes) -> None:
        match = _FRAME.fullmatch(frame)
        if match is None:
            self._write(stamp(_BEGINNING_LOST))
            return
        sender, flags, piece = match[1], int(match[2]), match[3]
        if flags & _FIRST:
            self._pass_on(sender, _REST_LOST)
            self._messages[sender] = _Message()
        message = self._messages.get(sender)
        if message is None:
            if flags & _LAST:
                self._write(stamp(_BEGINNING_LOST))
            return
        message.pieces.append(piece)
        message.at = monotonic()
        if flags & _LAST or len(message.pieces) > _MOST_PIECES:
            self._pass_on(sender, "" if flags & _LAST else _REST_LOST)

    def _pass_on(self, sender: bytes, mark: str) -> None:
        """Pass on what has arrived of a line."""
        message = self._messages.pop(sender, None)
        if message is not None:
            text = b"".join(message.pieces).decode("utf-8", "backslashreplace")
            self._write(f"{one_line(text)}{mark}")
