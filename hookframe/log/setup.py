"""The daemon's log: its own loguru logger with one sink."""

from __future__ import annotations

import logging
from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

from loguru import logger

from hookframe._text import one_line
from hookframe.files.descriptors import open_standard_streams
from hookframe.log.capture.printer import find_printer, get_frame, read_loguru
from hookframe.log.directory import LogDirectory
from hookframe.log.log import Log
from hookframe.log.pipe import PipeSink
from hookframe.log.stderr import open_standard_error
from hookframe.log.tai64n import stamp

if TYPE_CHECKING:
    from loguru import Logger

    from hookframe.config.model import LogTable
    from hookframe.log.pipe import LogPipe

_TERMINAL: Final = "<dim>{time:YYYY-MM-DD HH:mm:ss.SSS}</dim> <level>{level: <7}</level> {message}"
_DIRECTORY: Final = "{level: <7} {message}"


def make_daemon_log(table: LogTable, pipe: LogPipe | None = None) -> Log:
    """Make the log of the daemon (CONTRACT 6); not for a program with a log of another kind.

    Call it before a plugin is loaded. What plugins log with loguru has the same destination, with
    their name.

    Args:
        table: the configuration of the log.
        pipe: carries the lines to the process that writes the directory; None in that process, and
            where there is only one.

    Returns:
        The log. Its `run_upkeep` reports lost lines as soon as the log can be written again.

    Raises:
        LogUnusable: the log can't be written to the directory.
    """
    open_standard_streams()
    terminal = open_standard_error()
    if table.directory is None:
        return Log(_make_logger(terminal, _TERMINAL))
    if pipe is not None:
        return Log(_make_logger(PipeSink(pipe, terminal).write, _DIRECTORY))

    def report(text: str) -> None:
        terminal.write(f"hookframe: {text}\n")

    directory = LogDirectory(table.directory, table.size, table.files, report)

    def write(message: str) -> None:
        directory.write(stamp(message.rstrip("\n")))

    return Log(_make_logger(write, _DIRECTORY), directory.report_lost)


def _make_logger(sink: Any, form: str) -> Logger:
    """Copy loguru's global logger and give the copy its own sink.

    So a plugin that calls `logger.remove()` removes only its own log lines.

    Args:
        sink: takes the log lines.
        form: their format.
    """
    # A watch that is stopped while an event arrives logs an error, but it is none.
    logging.getLogger("watchdog").setLevel(logging.CRITICAL)
    logger.remove()
    own = deepcopy(logger)
    own.add(sink, format=form, diagnose=False, backtrace=False)

    def take(message: Any) -> None:
        """Take what is logged with the global logger: by a plugin, or by a library of ours."""
        record = read_loguru(message.record)
        printer = find_printer(get_frame(1))
        if printer is not None:
            printer.output.take_record(printer.plugin, record)
        else:
            own.log(record.level, "{}", one_line(record.text))

    logger.add(take, format="{message}", diagnose=False, backtrace=False)
    return own
