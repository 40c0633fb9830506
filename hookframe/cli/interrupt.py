"""Ctrl-C while a hook runs: the chain takes it for the hook's exception, so it is noted here."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any, Self


class Interrupt:
    """Notes SIGINT while a command asks hooks, and raises KeyboardInterrupt.

    A chain turns every exception of a hook into a temp-fail, this one included; so whoever asks
    the chain must look at `noted` when it answers.
    """

    def __init__(self) -> None:
        self.received = False
        self._before: Any = None

    def __enter__(self) -> Self:
        self._before = signal.getsignal(signal.SIGINT)
        if self._before is not signal.SIG_IGN:  # a shell starts `command &` so
            signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    def check(self) -> None:
        """Raise the KeyboardInterrupt that a hook's chain has swallowed."""
        if self.received:
            raise KeyboardInterrupt

    def _note(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.received = True
        raise KeyboardInterrupt
