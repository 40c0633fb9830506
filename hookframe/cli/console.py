"""What a command says to the person in front of it, on standard error."""

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
    """Say what is wrong and must be mended."""
    _print("error", "ERROR", text)


def print_note(text: str) -> None:
    """Say what somebody should know, although nothing is wrong."""
    _print("note", "INFO", text)


def print_config_errors(error: ConfigError) -> None:
    """List every mistake of a configuration, a line each."""
    for problem in error.problems:
        print_error(f"{error.path}: {problem}")


def is_terminal(stream: object) -> bool:
    """Say whether somebody reads or types there; a closed stream is none."""
    with suppress(ValueError):
        return bool(stream is not None and stream.isatty())  # type: ignore[attr-defined]
    return False


def is_coloured(stream: object) -> bool:
    """Say whether colours go to a stream: only to a terminal, and not where NO_COLOR is set."""
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
    """What `Log` needs of a loguru logger, without its import, which takes longer than a decision.

    A log of one short command needs no rotation, no threads and no sinks of its own.
    """

    def __init__(self, silent: Callable[[], bool]) -> None:
        self._stream = sys.stderr
        self._coloured = is_coloured(sys.stderr)
        self._silent = silent
        self.show: Callable[[str], None] = self._show

    def error(self, template: str, *values: object) -> None:
        self._line("ERROR", template.format(*values))

    def warning(self, template: str, *values: object) -> None:
        self._line("WARNING", template.format(*values))

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
            with suppress(OSError, ValueError):  # a hook must not fail because nobody reads
                print(line, file=self._stream, flush=True)


class CommandLog(Log):
    """The log of a command that ends by itself: readable lines on standard error.

    It looks like the daemon's on a terminal. That all is well needs no line; the command's own
    output says it.

    Args:
        silent: says whether nothing is to be said any more, as after Ctrl-C.
    """

    limited = False

    def __init__(self, silent: Callable[[], bool] = lambda: False) -> None:
        self._lines = _PlainLogger(silent)
        super().__init__(cast("Logger", self._lines))
        self.line_number = 0
        """the line of the input that is being decided; 0 where there are no lines"""

    def show_with(self, show: Callable[[str], None]) -> None:
        """Hand each finished line to somebody who knows where it fits on the screen."""
        self._lines.show = show

    def info(self, text: str) -> None:
        """Say nothing: the chain has come into use, as it should."""

    def malformed(self, given: object, problem: str) -> None:
        """Say why a request is no attempt, and on which line it stands."""
        where = f"line {self.line_number}: " if self.line_number else ""
        super().malformed(given, where + problem)
