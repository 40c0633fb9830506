"""Ctrl-C while a hook runs."""

from __future__ import annotations

import signal
from types import FrameType, TracebackType
from typing import Any, Self


class Interrupt:
    """Records SIGINT while a command calls hooks, and raises KeyboardInterrupt.

    A chain turns every exception of a hook into a temporary failure, this one included: call
    `check` after each decision.
    """

    def __init__(self) -> None:
        self.received = False
        self._before: Any = None

    def __enter__(self) -> Self:
        self._before = signal.getsignal(signal.SIGINT)
        if self._before is not signal.SIG_IGN:  # as in `command &` of a shell
            signal.signal(signal.SIGINT, self._record)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        signal.signal(signal.SIGINT, self._before)

    def check(self) -> None:
        """Raise KeyboardInterrupt if SIGINT came; the chain may have swallowed the first one."""
        if self.received:
            raise KeyboardInterrupt

    def _record(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        self.received = True
        raise KeyboardInterrupt
