"""The daemon's log: its own loguru logger with one sink."""

from __future__ import annotations

import logging
import sys
from copy import deepcopy
from typing import TYPE_CHECKING, Final

from loguru import logger

from hookframe.files.descriptors import open_standard_streams
from hookframe.log.capture import is_capturing
from hookframe.log.directory import LogDirectory
from hookframe.log.log import Log
from hookframe.log.stderr import Writable, open_standard_error

if TYPE_CHECKING:
    from collections.abc import Callable

    from loguru import Logger, Record

    from hookframe.config.model import LogTable

_TERMINAL: Final = "<dim>{time:YYYY-MM-DD HH:mm:ss.SSS}</dim> <level>{level: <7}</level> {message}"
_DIRECTORY: Final = "{level: <7} {message}"
_PRINTED: Final = "{level}: {message}"


def make_daemon_log(table: LogTable) -> Log:
    """Make the log of the daemon (CONTRACT 6); not for a program with a log of another kind.

    Call it once, before a socket is opened or a plugin is loaded. What plugins log with loguru has
    the same destination; while a hook runs it counts as printed by that plugin.

    Args:
        table: the configuration of the log.

    Returns:
        The log. Its `run_upkeep` reports lost lines as soon as the log can be written again.

    Raises:
        LogUnusable: the log can't be written to the directory.
    """
    open_standard_streams()
    terminal = open_standard_error()
    if table.directory is None:
        return Log(_make_logger(terminal, terminal, _TERMINAL))

    def report(text: str) -> None:
        terminal.write(f"hookframe: {text}\n")

    directory = LogDirectory(table.directory, table.size, table.files, report)
    return Log(_make_logger(directory.write_line, directory, _DIRECTORY), directory.report_dropped)


def _make_logger(own_sink: Writable | Callable[[str], None], sink: Writable, form: str) -> Logger:
    """Copy loguru's global logger and give the copy its own sink.

    So a plugin that calls `logger.remove()` removes only its own log lines.

    Args:
        own_sink: takes the host's log lines.
        sink: takes what plugins log outside their hooks.
        form: the format of both.
    """
    # A watch that is stopped while an event arrives logs an error, but it is none.
    logging.getLogger("watchdog").setLevel(logging.CRITICAL)
    logger.remove()
    own = deepcopy(logger)
    own.add(own_sink, format=form, diagnose=False, backtrace=False)
    logger.add(sink, format=form, filter=_is_outside_hooks, diagnose=False, backtrace=False)
    logger.add(_print, format=_PRINTED, filter=_is_in_hook, diagnose=False, backtrace=False)
    return own


def _is_in_hook(_: Record) -> bool:
    return is_capturing()


def _is_outside_hooks(_: Record) -> bool:
    return not is_capturing()


def _print(message: str) -> None:
    """Print what a plugin has logged, so that it is captured with the plugin's name."""
    sys.stderr.write(message)
