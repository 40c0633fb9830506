"""The channel between the supervisor and a child: its messages, and a child's ends."""

from __future__ import annotations

import signal
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hookframe.daemon.scoreboard import Scoreboard, Slot

LOADED: Final = b"L"
"""From a child: its chain is built, or can't be."""
SERVING: Final = b"S"
"""From a child: it accepts connections."""
CHANGED: Final = b"C"
"""From a worker: the policy has changed, and another process has to load it first."""
SERVE: Final = b"s"
"""To a standby: accept connections."""
LEAVE: Final = b"l"
"""To a child: answer what you have read, and exit."""
RELOAD: Final = b"r"
"""To a child: rebuild the chain."""
LOOK: Final = b"c"
"""To a standby: check whether the policy has changed."""

TRACE: Final = signal.SIGRTMAX - 2
"""The signal at which a child writes its traceback, in C; no plugin uses it."""


@dataclass(frozen=True, slots=True)
class Post:
    """A child's connections to the other processes.

    Args:
        scoreboard: the daemon's shared memory.
        slot: the child's part of it.
        channel: the socket to the other side; each byte is a message.
        trace: the descriptor to which faulthandler writes.
    """

    scoreboard: Scoreboard
    slot: Slot
    channel: socket.socket
    trace: int
