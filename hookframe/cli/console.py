"""Errors, notes and log lines of a command, on standard error."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Final, cast

from hookframe._text import one_line
from hookframe.log.log import Log

if TYPE_CHECKING:
    from loguru import Logger

    from hookframe.api.errors import ConfigError

_COLOURS: Final = {"ERROR": "\x1b[31m", "WARNING": "\x1b[33m", "INFO": "\x1b[1m"}
_DIM: Final = "\x1b[2m"
_RESET: Final = "\x1b[0m"


def print_error(text: str) -> None:
    """Print an error."""
    _print("error", "ERROR", text)


def print_note(text: str) -> None:
    """Print a note."""
    _print("note", "INFO", text)


def print_config_errors(error: ConfigError) -> None:
    """Print every problem of a configuration, a line each."""
    for problem in error.problems:
        print_error(f"{error.path}: {problem}")


def is_terminal(stream: object) -> bool:
    """Return whether a stream is a terminal; a closed one is not."""
    with suppress(ValueError):
        return bool(stream is not None and stream.isatty())  # type: ignore[attr-defined]
    return False


def is_coloured(stream: object) -> bool:
    """Return whether a stream is a terminal with colours, and NO_COLOR is not set."""
    return (
        is_terminal(stream)
        and not os.environ.get("NO_COLOR")
        and os.environ.get("TERM") not in ("dumb", "unknown")
    )


def _print(kind: str, level: str, text: str) -> None:
    if is_coloured(sys.stderr):
        kind = f"{_COLOURS[level]}{kind}{_RESET}"
    if sys.stderr is not None:
        print(f"hookframe: {kind}: {one_line(text)}", file=sys.stderr)  # noqa: T201


class _PlainLogger:
    """A replacement of loguru's logger, whose import takes longer than a decision."""

    def __init__(self, silent: Callable[[], bool]) -> None:
        self._stream = sys.stderr
        self._coloured = is_coloured(sys.stderr)
        self._silent = silent
        self.show: Callable[[str], None] = self._show

    def error(self, template: str, *values: object) -> None:
        self._line("ERROR", template.format(*values))

    def warning(self, template: str, *values: object) -> None:
        self._line("WARNING", template.format(*values))

    def debug(self, template: str, *values: object) -> None:
        self._line("DEBUG", template.format(*values))

    def info(self, template: str, *values: object) -> None:
        self._line("INFO", template.format(*values))

    def _line(self, level: str, text: str) -> None:
        if self._silent():
            return
        now = time.time()
        seconds = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
        stamp = f"{seconds}.{int(now % 1 * 1000):03}"
        head = f"{level: <7}"
        if self._coloured:
            stamp, head = f"{_DIM}{stamp}{_RESET}", f"{_COLOURS[level]}{head}{_RESET}"
        self.show(f"{stamp} {head} {text}")

    def _show(self, line: str) -> None:
        if self._stream is not None:
            with suppress(OSError, ValueError):  # a hook must not fail because the reader has gone
                print(line, file=self._stream, flush=True)


class CommandLog(Log):
    """The log of a short command: lines on standard error, as the daemon's on a terminal.

    Args:
        silent: returns whether lines are dropped, as after Ctrl-C.
    """

    limited = False

    def __init__(self, silent: Callable[[], bool] = lambda: False) -> None:
        self._lines = _PlainLogger(silent)
        super().__init__(cast("Logger", self._lines))
        self.line_number = 0
        """the number of the current input line; 0 without lines"""

    def show_with(self, show: Callable[[str], None]) -> None:
        """Pass each finished line to a function, as the progress bar needs it."""
        self._lines.show = show

    def info(self, text: str) -> None:
        """Print nothing: the command's own output is enough."""

    def malformed(self, given: object, problem: str) -> None:
        """Log why a request is no attempt, with its line number."""
        where = f"line {self.line_number}: " if self.line_number else ""
        super().malformed(given, where + problem)
