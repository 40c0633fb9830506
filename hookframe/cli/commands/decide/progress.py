"""A progress bar for a long stream of attempts, on standard error."""

from __future__ import annotations

import sys
from time import monotonic
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

if TYPE_CHECKING:
    from hookframe.cli.console import CommandLog

_INTERVAL: Final = 0.1
"""Seconds between two updates of the bar."""


class _Decided(ProgressColumn):
    """The number of decisions, and their rate."""

    def render(self, task: Task) -> Text:
        decided = task.fields["decided"]
        rate = decided / task.elapsed if task.elapsed else 0.0
        return Text(f"{decided} decided, {rate:.0f}/s")


class Bar:
    """The bar; log lines appear above it.

    Args:
        total: the size of the input in bytes; None if unknown.
        log: the log on the same terminal.
    """

    def __init__(self, total: int | None, log: CommandLog) -> None:
        console = Console(file=sys.stderr)
        columns = [TextColumn("attempts"), BarColumn(), _Decided()]
        if total is not None:
            columns.append(TimeRemainingColumn())
        self._progress = Progress(
            *columns,
            console=console,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._task = self._progress.add_task("", total=total, decided=0)
        self._next = 0.0
        self._decided = 0
        self._read = 0
        log.show_with(lambda line: console.print(Text.from_ansi(line), soft_wrap=True))

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._draw()
        self._progress.stop()

    def advance(self, read: int) -> None:
        """Count one decision.

        Args:
            read: the number of bytes read so far.
        """
        self._decided += 1
        self._read = read
        now = monotonic()
        if now >= self._next:
            self._next = now + _INTERVAL
            self._draw()

    def _draw(self) -> None:
        self._progress.update(self._task, completed=self._read, decided=self._decided)
        self._progress.refresh()
