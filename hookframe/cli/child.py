"""A policy that is tried in a child process: if it ends or hangs that process, this one says so."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from mmap import PAGESIZE, mmap
from time import monotonic
from typing import TYPE_CHECKING, Final, Never

import click

from hookframe.api.errors import HookframeError
from hookframe.config.model import Config, Limits
from hookframe.daemon.process import describe_exit, die_with_parent

if TYPE_CHECKING:
    from hookframe.host.source import Source

_TEXT: Final = 8
"""Where the text of the phase begins in the shared memory, behind the time when it began."""
_FINISHED: Final = -1.0
"""In place of that time: the child is done with the policy."""
_LOOK: Final = 0.05
"""Seconds between two looks at the phase."""
_WAITED: Final = (signal.SIGINT, signal.SIGCHLD)
_BY_A_PROCESS: Final = 0
"""`SI_USER` of sigaction(2)."""


class PolicyDied(HookframeError):
    """A policy that has ended the process in which it was tried, or had to be ended with it."""


class Phase:
    """What a child is doing with the policy, as its parent sees it.

    Args:
        memory: shared by the two.
    """

    def __init__(self, memory: mmap) -> None:
        self._memory = memory
        # One aligned double is written and read as a whole, unlike what `struct` packs.
        self._began = memoryview(memory)[:_TEXT].cast("d")

    def __call__(self, text: str) -> None:
        """Begin a phase, such as "importing NAME"; an empty text ends it."""
        # The time first: a text with the time of an earlier phase would look overdue.
        self._began[0] = monotonic()
        content = os.fsencode(text)[: PAGESIZE - _TEXT - 1] + b"\0"
        self._memory[_TEXT : _TEXT + len(content)] = content

    def finish(self) -> None:
        """Record that the policy is closed: the process may end as it likes."""
        self._began[0] = _FINISHED

    @property
    def finished(self) -> bool:
        """Whether the policy is closed."""
        return self._began[0] == _FINISHED

    @property
    def text(self) -> str:
        """The phase; empty outside of any."""
        content = self._memory[_TEXT:]
        return os.fsdecode(content[: content.index(b"\0")])

    def is_overdue(self, limit: float) -> bool:
        """Return whether the phase has lasted longer than so many seconds."""
        text, began = self.text, self._began[0]  # in this order: see above
        return bool(text) and began != _FINISHED and monotonic() - began > limit


def find_load_time(source: Source) -> float:
    """Return the seconds that a policy may take to load: `limits.load_time`."""
    config = source.read().config
    return (config.limits if isinstance(config, Config) else Limits()).load_time


@contextmanager
def run_in_child(limit: float) -> Iterator[Phase]:
    """Run the body, and all that the command does after it, in a child process.

    This process waits for it, and exits as the child does.

    Args:
        limit: the longest time of a phase, in seconds.

    Yields:
        Receives what the child is doing.

    Raises:
        PolicyDied: in this process, if the child ends before the body does, or hangs in a phase.
        click.exceptions.Exit: in this process, with the child's exit status.
    """
    phase, parent = Phase(mmap(-1, PAGESIZE)), os.getpid()
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError):  # None, or a reader that has gone
            stream.flush()
    pid = os.fork()
    if pid != 0:
        _wait(pid, phase, limit)
    die_with_parent(parent)
    try:
        yield phase
    finally:
        phase.finish()


def _wait(pid: int, phase: Phase, limit: float) -> Never:
    """Wait for the child, and exit as it does."""
    mask = signal.pthread_sigmask(signal.SIG_BLOCK, _WAITED)
    try:
        overdue, status = _wait_for_end(pid, phase, limit)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, mask)
    where = f" while {phase.text}" if phase.text else " in an attempt"
    if overdue:
        raise PolicyDied(
            f"the policy did not come to an end within {limit:g} s (limits.load_time){where}; "
            "the process that tried it was killed"
        )
    if not phase.finished:
        raise PolicyDied(
            f"the policy has ended the process that tried it: {describe_exit(status)}{where}"
        )
    if status < 0:
        with suppress(OSError):  # SIGKILL can't be handled anyway
            signal.signal(-status, signal.SIG_DFL)
        os.kill(os.getpid(), -status)
    raise click.exceptions.Exit(status)


def _wait_for_end(pid: int, phase: Phase, limit: float) -> tuple[bool, int]:
    """Wait until the child has ended; kill it if a phase takes too long, or at a second Ctrl-C.

    Returns:
        Whether a phase took too long, and the status as os.waitstatus_to_exitcode returns it.

    Raises:
        KeyboardInterrupt: at the second Ctrl-C.
    """
    interrupted = overdue = False
    while not os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT):
        received = signal.sigtimedwait(_WAITED, _LOOK)
        if received is not None and received.si_signo == signal.SIGINT:
            if interrupted:
                os.kill(pid, signal.SIGKILL)
                raise KeyboardInterrupt
            interrupted = True
            if received.si_code == _BY_A_PROCESS:  # a terminal interrupts the child itself
                os.kill(pid, signal.SIGINT)
        elif phase.is_overdue(limit):
            os.kill(pid, signal.SIGKILL)
            overdue = True
            break
    return overdue, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
