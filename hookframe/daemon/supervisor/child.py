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

from hookframe.api.plugin_code import PACKAGE
from hookframe.chain.interrupter import SIGNAL
from hookframe.daemon.channel import TRACE, Post
from hookframe.daemon.process import die_with_parent, signal_main_thread
from hookframe.daemon.supervisor.watchdog import Watchdog

if TYPE_CHECKING:
    from hookframe.daemon.scoreboard import Scoreboard

_TRACE_TIME: Final = 0.1
"""Seconds that a child has for it."""
_DAEMON: Final = f'  File "{PACKAGE}daemon/'
"""What stands in each trace of a child, further out than any plugin's frame."""
_CUT_OFF: Final = "  ...\n"
"""What a trace ends with that has too many frames."""
_FAILED: Final = 70
"""EX_SOFTWARE in sysexits.h"""


class Role(StrEnum):
    """What a child is there for."""

    LOADING = "loading"
    STANDBY = "standby"
    WORKER = "worker"
    LEAVING = "leaving"
    FALLBACK = "stand-in"


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
    killed: bool = False
    """whether it has been killed, and the reason said"""
    disconnected_at: float | None = None
    """since when its end of the line is closed: it is dying, or a hook has closed all there was"""
    watchdog: Watchdog = field(init=False)

    def __post_init__(self) -> None:
        self.since = self.born
        self.watchdog = Watchdog(self.post.slot, self.born)

    def send_command(self, command: bytes) -> None:
        """Send a command; one that has died, or does not listen, misses it."""
        with suppress(OSError):
            self.post.channel.send(command)

    @property
    def disconnected(self) -> bool:
        """Whether it can't be told anything any more."""
        return self.disconnected_at is not None

    def receive(self) -> bytes:
        """Take what it has said since the last time, and note whether it can say no more."""
        try:
            said = self.post.channel.recv(16)
        except BlockingIOError:
            return b""
        except OSError:
            said = b""
        if not said:
            self.disconnected_at = monotonic()
        return said

    def interrupt(self) -> None:
        """Have it look at its deadline.

        Its own alarm is a thread, and has no turn while C code keeps the interpreter; but some
        such code, as that of regular expressions, looks out for signals.
        """
        signal_main_thread(self.pid, SIGNAL)

    def take_traceback(self) -> str:
        """Have it write where it is, which it can even if it is stuck in C."""
        signal_main_thread(self.pid, TRACE)
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)  # one that has been stopped can't write
        until = monotonic() + _TRACE_TIME
        while _DAEMON not in (trace := self.read_traceback()) and monotonic() < until:
            if trace.endswith(_CUT_OFF):
                break
            sleep(0.001)
        return trace

    def read_traceback(self) -> str:
        """Read what faulthandler has written."""
        return os.pread(self.post.trace, 16384, 0).decode("utf-8", "replace")

    def kill(self) -> None:
        """Kill it, whatever it does."""
        self.killed = True
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def reap(self) -> None:
        """Give back what the supervisor held for one that has died."""
        self.close()
        self.post.scoreboard.release(self.post.slot)

    def close(self) -> None:
        """Let go of the line to it."""
        self.post.channel.close()
        os.close(self.post.trace)


def fork(
    role: Role, scoreboard: Scoreboard, main: Callable[[Post], int], siblings: Collection[Child]
) -> Child:
    """Fork a child.

    Args:
        role: what it is there for.
        board: gives it a slot.
        main: what it does; its return value is the exit status.
        others: the children that there are; it must not hold their lines.

    Raises:
        OSError: the system has no room for another process, or for the files that it needs.
    """
    with ExitStack() as undo:
        slot = scoreboard.acquire()
        undo.callback(scoreboard.release, slot)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        undo.callback(ours.close)
        undo.callback(theirs.close)
        trace = os.memfd_create("hookframe-trace")
        undo.callback(os.close, trace)
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
                die_with_parent(parent)
                ours.close()
                for other in siblings:
                    other.close()
                status = main(Post(scoreboard, slot, theirs, trace))
            finally:
                os._exit(status)
        undo.pop_all()
    theirs.close()
    return Child(pid, Post(scoreboard, slot, ours, trace), role, monotonic())
