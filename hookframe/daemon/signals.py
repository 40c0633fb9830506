"""Signals of a process before its event loop runs, or without one."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import Final

STOP: Final = (signal.SIGTERM, signal.SIGINT)
RELOAD: Final = signal.SIGHUP


class EarlySignals:
    """Records signals while the plugins are loaded.

    A signal to stop also interrupts the load. The chain handles that as a plugin's exception, so
    check `received` after the load.
    """

    # By default SIGHUP would end the process, and SIGTERM would leave its socket files.

    def __init__(self) -> None:
        self.received: set[int] = set()
        for number in (*STOP, RELOAD):
            signal.signal(number, self._record)

    def _record(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.received.add(number)
        if number in STOP:
            raise SystemExit(0)


class SignalPipe:
    """The supervisor's signals, for its selector."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for number in (*STOP, RELOAD, signal.SIGCHLD):
            signal.signal(number, _ignore)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)

    def fileno(self) -> int:
        """Return the descriptor that is readable after a signal."""
        return self._read

    def take(self) -> frozenset[int]:
        """Return the signals since the last call."""
        try:
            return frozenset(os.read(self._read, 4096))
        except BlockingIOError:
            return frozenset()

    def release_in_child(self) -> None:
        """Release the signals, in a forked child."""
        signal.set_wakeup_fd(-1)
        os.close(self._read)
        os.close(self._write)
        # The supervisor passes on the terminal's signals. A handler, unlike SIG_IGN, is not
        # inherited by the programs that a hook starts.
        for number in (signal.SIGINT, RELOAD):
            signal.signal(number, _ignore)
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)


def _ignore(number: int, frame: FrameType | None) -> None:
    """Do nothing: the wake-up descriptor records the signal."""
