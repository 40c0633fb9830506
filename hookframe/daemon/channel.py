"""The channel between the supervisor and a child: its messages, and a child's ends."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from hookframe.config.model import LogTable

if TYPE_CHECKING:
    from hookframe.config.model import Config
    from hookframe.daemon.scoreboard import Scoreboard, Slot

TRACE: Final = signal.SIGRTMAX - 2
"""The signal at which a child writes its traceback, in C; no plugin uses it."""
_LONGEST: Final = 128 * 1024
"""The longest message in bytes; less than what a socket of this kind takes."""
DESCRIPTORS: Final = "descriptors"
INTERNAL: Final = "internal"
"""Why a worker that can go on asks to be replaced: no descriptor is free; an error of our own."""
LONGEST_TEXT: Final = 16 * 1024
"""The longest text in a message, in characters."""


class Settings(msgspec.Struct, frozen=True):
    """What a policy sets for the daemon, as far as the supervisor has to know it.

    Times are seconds, and `max_memory` is in bytes. `deadline` and `shortest` (the shortest
    deadline of the chain or a plugin) are 0 for none. `listen` only shows whether it has changed.
    """

    workers: int = 1
    deadline: float = 0.0
    shortest: float = 0.0
    on_load_error: str = "tempfail"
    load_time: float = 30.0
    answer_time: float = 10.0
    max_memory: int = 1 << 30
    listen: tuple[str, ...] = ()
    log: LogTable = LogTable()

    @classmethod
    def of(cls, config: Config) -> Settings:
        """Return the settings of a configuration."""
        own = [table.policy.deadline for table in config.plugins.values()]
        limits = [each for each in (config.deadline, *own) if each]
        return cls(
            config.workers,
            config.deadline or 0.0,
            min(limits, default=0.0),
            config.on_load_error,
            config.limits.load_time,
            config.limits.answer_time,
            config.limits.max_memory,
            tuple(map(repr, config.listen)),
            config.log,
        )


class Read(msgspec.Struct, tag=True, frozen=True):
    """From a child: it has read `hookframe.toml`, and begins to load."""

    settings: Settings


class Loaded(msgspec.Struct, tag=True, frozen=True):
    """From a child: it has loaded the policy; the files that were used come with it."""

    digest: str
    versions: Mapping[str, str]
    announcement: str


class Failed(msgspec.Struct, tag=True, frozen=True):
    """From a child: the policy can't be loaded; the files that were looked for come with it."""

    text: str


class Serving(msgspec.Struct, tag=True, frozen=True):
    """From a child: it accepts connections."""


class Unfit(msgspec.Struct, tag=True, frozen=True):
    """From a worker: it can go on, but should be replaced."""

    reason: str
    text: str


class Changed(msgspec.Struct, tag=True, frozen=True):
    """From the observer: the policy's files have changed, or were asked for; they come with it."""

    forced: bool = False


class Upgrades(msgspec.Struct, tag=True, frozen=True):
    """From the observer: which installed versions are not those that run."""

    texts: tuple[str, ...]


class Serve(msgspec.Struct, tag=True, frozen=True):
    """To a standby: accept connections, while the policy with this number is in use."""

    number: int


class Leave(msgspec.Struct, tag=True, frozen=True):
    """To a child: answer what you have read, and exit."""


class Watch(msgspec.Struct, tag=True, frozen=True):
    """To the observer: the files of code, used or looked for, and the versions that run."""

    paths: tuple[bytes, ...]
    versions: Mapping[str, str]


class Reread(msgspec.Struct, tag=True, frozen=True):
    """To the observer: read the policy's files, and send them even if they are unchanged."""


class WriteLog(msgspec.Struct, tag=True, frozen=True):
    """To the observer: where the log is written from now on."""

    table: LogTable


class Explain(msgspec.Struct, tag=True, frozen=True):
    """To the fallback: why attempts fail; empty while no worker is ready."""

    problem: str


Message = (
    Read
    | Loaded
    | Failed
    | Serving
    | Unfit
    | Changed
    | Upgrades
    | Serve
    | Leave
    | Watch
    | Reread
    | WriteLog
    | Explain
)


def _encode(message: Message) -> bytes:
    """Encode a message. JSON of the standard library takes paths and texts that are no UTF-8."""
    return json.dumps(msgspec.to_builtins(message)).encode()


def _decode(data: bytes) -> Message:
    """Decode a message.

    Raises:
        ValueError: it is none.
    """
    message: Message = msgspec.convert(json.loads(data), Message)
    return message


class Channel:
    """One end of the socket pair between the supervisor and a child; each packet is a message.

    Args:
        end: the socket (`SOCK_SEQPACKET`).
    """

    def __init__(self, end: socket.socket) -> None:
        self._socket = end
        self.closed = False
        """whether the other side has closed it"""

    @classmethod
    def pair(cls) -> tuple[Channel, Channel]:
        """Open both ends; neither blocks."""
        ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        for end in ends:
            end.setblocking(False)
        return cls(ends[0]), cls(ends[1])

    def fileno(self) -> int:
        """Return its descriptor."""
        return self._socket.fileno()

    def send(self, message: Message, descriptor: int | None = None) -> bool:
        """Send a message, with a descriptor if there is one.

        Returns:
            Whether it was sent; not if the other side has ended, or does not read.
        """
        data = _encode(message)
        try:
            if descriptor is None:
                self._socket.send(data)
            else:
                socket.send_fds(self._socket, [data], [descriptor])
        except OSError:
            return False
        return True

    def receive(self) -> Iterator[tuple[Message, int]]:
        """Yield each message that has arrived, and its descriptor; -1 if it has none.

        A message that can't be read closes the channel, as its sender is damaged. So does one
        whose descriptor is lost, because this process can't open any more: its sender is replaced.
        """
        while not self.closed:
            try:
                data, descriptors, flags, _ = socket.recv_fds(
                    self._socket, _LONGEST, 1, socket.MSG_CMSG_CLOEXEC
                )
            except BlockingIOError:
                return
            except OSError:
                data, descriptors, flags = b"", [], 0
            if flags & socket.MSG_CTRUNC:
                data = b""
            try:
                message = _decode(data)
            except (ValueError, RecursionError):
                self.closed = True
                for descriptor in descriptors:
                    os.close(descriptor)
                return
            yield message, descriptors[0] if descriptors else -1

    def close(self) -> None:
        """Close this end."""
        with suppress(OSError):
            self._socket.close()


@dataclass(frozen=True, slots=True)
class Post:
    """A child's connections to the other processes.

    Args:
        scoreboard: the daemon's shared memory.
        slot: the child's part of it.
        channel: the channel to the other side.
        trace: the descriptor to which faulthandler writes.
    """

    scoreboard: Scoreboard
    slot: Slot
    channel: Channel
    trace: int
