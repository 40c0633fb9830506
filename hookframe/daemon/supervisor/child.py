"""A forked process of the daemon, as the supervisor sees it."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Collection
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

from hookframe.api.plugin_code import PACKAGE
from hookframe.chain.deadline import SIGNAL
from hookframe.daemon.channel import TRACE, Channel, Message, Post
from hookframe.daemon.process import die_with_parent, signal_main_thread
from hookframe.daemon.supervisor.roles import Role
from hookframe.daemon.supervisor.watchdog import Watchdog

if TYPE_CHECKING:
    from hookframe.daemon.scoreboard import Scoreboard
    from hookframe.daemon.supervisor.policy import Policy

_TRACE_TIME: Final = 0.1
"""Seconds in which a child writes its traceback."""
_DAEMON: Final = f'  File "{PACKAGE}daemon/'
"""The start of a line in every complete traceback, further out than all plugins' frames."""
_CUT_OFF: Final = "  ...\n"
"""The end of a traceback that faulthandler truncated."""
_FAILED: Final = 70
"""EX_SOFTWARE in sysexits.h"""


@dataclass(slots=True, eq=False)
class Child:
    """A process that the supervisor has forked.

    Args:
        pid: its process id.
        post: the supervisor's ends of its connections.
        role: its current purpose.
        born: when it was forked, by the monotonic clock.
        policy: the policy that it loads; None for the fallback and the observer.
    """

    pid: int
    post: Post
    role: Role
    born: float
    policy: Policy | None = None
    since: float = 0.0
    """when its current role began"""
    serving: bool = False
    """whether it has reported that it accepts connections"""
    killed: bool = False
    """whether it was killed, and the reason logged"""
    reason: str = ""
    """why it was killed, for the log"""
    lost_at: float | None = None
    """when it closed its channel: it is exiting, or a hook closed all descriptors"""
    watchdog: Watchdog = field(init=False)

    def __post_init__(self) -> None:
        self.since = self.born
        self.watchdog = Watchdog(self.post.slot, self.born)

    @property
    def name(self) -> str:
        """Its role and process id, for the log."""
        return f"{self.role.noun} {self.pid}"

    @property
    def lost(self) -> bool:
        """Whether its channel is closed."""
        return self.lost_at is not None

    @property
    def answered_at(self) -> float:
        """When it was seen last to answer a request."""
        return self.watchdog.answered_at

    @property
    def phase(self) -> str:
        """What it is doing while it loads or closes plugins; may be empty."""
        return self.post.slot.phase

    def send(self, message: Message, descriptor: int | None = None) -> bool:
        """Send a message; a child that has died, or does not read, misses it."""
        return self.post.channel.send(message, descriptor)

    def interrupt(self) -> None:
        """Make it check its deadline."""
        signal_main_thread(self.pid, SIGNAL)

    def take_traceback(self) -> str:
        """Make it write its traceback, and return that; this works even while it hangs in C."""
        signal_main_thread(self.pid, TRACE)
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGCONT)  # a stopped process can't write
        until = monotonic() + _TRACE_TIME
        while _DAEMON not in (trace := self.read_traceback()) and monotonic() < until:
            if trace.endswith(_CUT_OFF):
                break
            sleep(0.001)
        return trace

    def read_traceback(self) -> str:
        """Return what faulthandler has written."""
        return os.pread(self.post.trace, 16384, 0).decode("utf-8", "replace")

    def kill(self, reason: str = "") -> None:
        """Kill it with SIGKILL."""
        self.killed, self.reason = True, reason
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)

    def release(self) -> None:
        """Release its channel and its slot, after it has died."""
        self.close()
        self.post.scoreboard.release(self.post.slot)

    def close(self) -> None:
        """Close the supervisor's ends."""
        self.post.channel.close()
        os.close(self.post.trace)


def fork(
    role: Role,
    policy: Policy | None,
    scoreboard: Scoreboard,
    main: Callable[[Post], int],
    siblings: Collection[Child],
) -> Child:
    """Fork a child.

    Args:
        role: its purpose.
        policy: the policy that it loads.
        scoreboard: provides its slot.
        main: its main function, which returns the exit status.
        siblings: the other children, whose channels it closes.

    Raises:
        OSError: the system has no room for another process or its files.
    """
    with ExitStack() as undo:
        slot = scoreboard.acquire()
        undo.callback(scoreboard.release, slot)
        ours, theirs = Channel.pair()
        undo.callback(ours.close)
        undo.callback(theirs.close)
        trace = os.memfd_create("hookframe-trace")
        undo.callback(os.close, trace)
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):  # closed, full, or missing
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
    return Child(pid, Post(scoreboard, slot, ours, trace), role, monotonic(), policy)
