"""Signals that come before the daemon's event loop can take them."""

from __future__ import annotations

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
