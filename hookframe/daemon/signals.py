"""Signals, before an event loop can take them, and where there is none."""

from __future__ import annotations

import os
import signal
from types import FrameType
from typing import Final

STOP: Final = (signal.SIGTERM, signal.SIGINT)
RELOAD: Final = signal.SIGHUP


class EarlySignals:
    """Notes what comes while the plugins are being loaded.

    By their defaults SIGHUP would end the process, and SIGTERM would leave its socket files
    behind. A signal to stop also interrupts what loads; but a chain takes every exception for its
    plugin's, so whoever has loaded it must look at `noted`.
    """

    def __init__(self) -> None:
        self.noted: set[int] = set()
        for number in (*STOP, RELOAD):
            signal.signal(number, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.noted.add(number)
        if number in STOP:
            raise SystemExit(0)


class SignalPipe:
    """The supervisor's signals, as something that can be selected on."""

    def __init__(self) -> None:
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for number in (*STOP, RELOAD, signal.SIGCHLD):
            signal.signal(number, _ignore)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)

    def fileno(self) -> int:
        """Give the descriptor that is readable when a signal has come."""
        return self._read

    def take(self) -> frozenset[int]:
        """Give the signals that have come since the last time."""
        try:
            return frozenset(os.read(self._read, 4096))
        except BlockingIOError:
            return frozenset()

    def release_in_child(self) -> None:
        """In a forked child: let go of them.

        SIGTERM ends it; the terminal's signals are for the supervisor, which passes them on. A
        handler, unlike SIG_IGN, is not inherited by the programs that a hook starts.
        """
        signal.set_wakeup_fd(-1)
        os.close(self._read)
        os.close(self._write)
        for number in (signal.SIGINT, RELOAD):
            signal.signal(number, _ignore)
        for number in (signal.SIGTERM, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)


def _ignore(number: int, frame: FrameType | None) -> None:
    """Have the signal wake the selector, and do nothing else."""
