"""The line between the supervisor and a child: what each has of it, and the messages."""

from __future__ import annotations

import signal
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hookframe.daemon.scoreboard import Scoreboard, Slot

LOADED: Final = b"L"
"""A child says that its chain has been built, or can't be."""
SERVING: Final = b"S"
"""A child says that it accepts connections."""
CHANGED: Final = b"C"
"""A worker says that the policy has changed, and that somebody else has to load it first."""
SERVE: Final = b"s"
"""A standby is told to accept connections."""
LEAVE: Final = b"l"
"""A child is told to answer what it has read, and end."""
RELOAD: Final = b"r"
"""A child is told to build its chain anew."""
LOOK: Final = b"c"
"""A standby is told to look whether the policy has changed."""

TRACE: Final = signal.SIGRTMAX - 2
"""Has a child write where it is, in C and without the interpreter; no plugin uses this signal."""


@dataclass(frozen=True, slots=True)
class Post:
    """What a child has of its own.

    Args:
        board: what all of the daemon's processes say of themselves.
        slot: its part of the board.
        channel: its line to the supervisor; one byte is one message.
        trace: the descriptor to which faulthandler writes.
    """

    scoreboard: Scoreboard
    slot: Slot
    channel: socket.socket
    trace: int
