"""A forked process of the daemon, as the supervisor sees it, and its line to the supervisor."""

from __future__ import annotations

import os
import signal
import socket
import sys
from collections.abc import Callable, Collection
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

from hookframe._package import PACKAGE
from hookframe.alarm import SIGNAL
from hookframe.daemon.board import DOZING
from hookframe.daemon.process import die_with, signal_main_thread
from hookframe.daemon.vigil import Vigil

if TYPE_CHECKING:
    from hookframe.daemon.board import Board, Slot

TRACE: Final = signal.SIGRTMAX - 2
"""Has a child write where it is, in C and without the interpreter; no plugin uses this signal."""
_TRACE_TIME: Final = 0.1
"""Seconds that a child has for it."""
_DAEMON: Final = f'  File "{PACKAGE}daemon/'
"""What stands in each trace of a child, further out than any plugin's frame."""
_CUT_OFF: Final = "  ...\n"
"""What a trace ends with that has too many frames."""
_FAILED: Final = 70
"""EX_SOFTWARE in sysexits.h"""

LOADED: Final = b"L"
"""A child says that its chain has been built, or can't be."""
SERVING: Final = b"S"
"""A child says that it accepts connections."""
BUSY: Final = b"B"
"""A child that has dozed says that a client has come."""
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


class Role(StrEnum):
    """What a child is there for."""

    LOADING = "loading"
    STANDBY = "standby"
    WORKER = "worker"
    LEAVING = "leaving"
    STAND_IN = "stand-in"


@dataclass(frozen=True, slots=True)
class Post:
    """What a child has of its own.

    Args:
        board: what all of the daemon's processes say of themselves.
        slot: its part of the board.
        channel: its line to the supervisor; one byte is one message.
        trace: the descriptor to which faulthandler writes.
    """

    board: Board
    slot: Slot
    channel: socket.socket
    trace: int


@dataclass(slots=True)
class Child:
    """A process that the supervisor has forked.

    Args:
        pid: its process id.
        post: the supervisor's side of what it has.
        role: what it is there for at the moment.
        born: when it was forked, by the monotonic clock.
    """

    pid: int
    post: Post
    role: Role
    born: float
    since: float = 0.0
    """since when it serves; since its birth while it does not"""
    serving: bool = False
    """whether it has said that it accepts connections"""
    condemned: bool = False
    """whether it has been killed, and the reason said"""
    lost_at: float | None = None
    """since when its end of the line is closed: it is dying, or a hook has closed all there was"""
    vigil: Vigil = field(init=False)

    def __post_init__(self) -> None:
        self.since = self.born
        self.vigil = Vigil(self.post.slot, self.born)

    def tell(self, command: bytes) -> None:
        """Send a command; one that has died, or does not listen, misses it."""
        with suppress(OSError):
            self.post.channel.send(command)

    @property
    def lost(self) -> bool:
        """Whether it can't be told anything any more."""
        return self.lost_at is not None

    def heard(self) -> bytes:
        """Take what it has said since the last time, and note whether it can say no more."""
        try:
            said = self.post.channel.recv(16)
        except BlockingIOError:
            return b""
        except OSError:
            said = b""
        if not said:
            self.lost_at = monotonic()
        return said

    def expect_life(self) -> None:
        """Have it judged from now on as one that is awake: somebody waits for it."""
        self.post.slot.cells[DOZING] = 0
        self.vigil = Vigil(self.post.slot, monotonic())

    def interrupt(self) -> None:
        """Have it look at its deadline.

        Its own alarm is a thread, and has no turn while C code keeps the interpreter; but some
        such code, as that of regular expressions, looks out for signals.
        """
        signal_main_thread(self.pid, SIGNAL)

    def traceback(self) -> str:
        """Have it write where it is, which it can even if it is stuck in C."""
        signal_main_thread(self.pid, TRACE)
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)  # one that has been stopped can't write
        until = monotonic() + _TRACE_TIME
        while _DAEMON not in (trace := self.last_words()) and monotonic() < until:
            if trace.endswith(_CUT_OFF):
                break
            sleep(0.001)
        return trace

    def last_words(self) -> str:
        """Read what faulthandler has written."""
        return os.pread(self.post.trace, 16384, 0).decode("utf-8", "replace")

    def kill(self) -> None:
        """Kill it, whatever it does."""
        self.condemned = True
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def bury(self) -> None:
        """Give back what the supervisor held for one that has died."""
        self.close()
        self.post.board.give_back(self.post.slot)

    def close(self) -> None:
        """Let go of the line to it."""
        self.post.channel.close()
        os.close(self.post.trace)


def fork(role: Role, board: Board, main: Callable[[Post], int], others: Collection[Child]) -> Child:
    """Fork a child.

    Args:
        role: what it is there for.
        board: gives it a slot.
        main: what it does; its return value is the exit status.
        others: the children that there are; it must not hold their lines.

    Raises:
        OSError: the system has no room for another process, or for the files that it needs.
    """
    with ExitStack() as undoing:
        slot = board.take()
        undoing.callback(board.give_back, slot)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        undoing.callback(ours.close)
        undoing.callback(theirs.close)
        trace = os.memfd_create("hookframe-trace")
        undoing.callback(os.close, trace)
        ours.setblocking(False)
        theirs.setblocking(False)
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):  # closed, full, or not there
                stream.flush()
        parent = os.getpid()
        pid = os.fork()
        if pid == 0:
            status = _FAILED
            try:
                die_with(parent)
                ours.close()
                for other in others:
                    other.close()
                status = main(Post(board, slot, theirs, trace))
            finally:
                os._exit(status)
        undoing.pop_all()
    theirs.close()
    return Child(pid, Post(board, slot, ours, trace), role, monotonic())
