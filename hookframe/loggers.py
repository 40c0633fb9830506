"""The daemon's log: a logger of our own, and the one sink that it has."""

from __future__ import annotations

import logging
import sys
from copy import deepcopy
from typing import TYPE_CHECKING, Final

from loguru import logger

from hookframe.log import Log
from hookframe.log_directory import LogDirectory
from hookframe.output import captures
from hookframe.terminal import StandardError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TextIO

    from loguru import Record

    from hookframe.config import LogTable

_TERMINAL: Final = "<dim>{time:YYYY-MM-DD HH:mm:ss.SSS}</dim> <level>{level: <7}</level> {message}"
_DIRECTORY: Final = "{level: <7} {message}"
_CAPTURED: Final = "{level}: {message}"


def daemon_log(table: LogTable) -> Log:
    """Make the log of a program that is nothing but the daemon (CONTRACT 6).

    It has a copy of loguru's global logger with a sink of its own, so a plugin that calls
    `logger.remove()` silences itself only. Programs call this once, before a plugin is loaded.

    What plugins log through loguru's global logger goes the same way; while a hook runs it counts
    as what that plugin prints.

    Args:
        table: where the log goes.

    Returns:
        The log.

    Raises:
        LogUnusable: the log can't be written to the directory.
    """
    terminal = _standard_error()
    if table.directory is None:
        return Log(_own_logger(terminal, _TERMINAL))
    complain = _complaining_to(terminal)
    directory = LogDirectory(table.directory, table.size, table.files, complain)
    return Log(_own_logger(directory, _DIRECTORY), catch_up=directory.catch_up)


def _own_logger(sink: Sink, form: str) -> Logger:
    """Make a copy of the global logger, and give both the same sink."""
    # A watch that is stopped while an event comes in says so as an error; it is none.
    logging.getLogger("watchdog").setLevel(logging.CRITICAL)
    logger.remove()
    own = deepcopy(logger)
    own.add(sink, format=form, diagnose=False, backtrace=False)
    logger.add(sink, format=form, filter=_not_captured, diagnose=False, backtrace=False)
    logger.add(
        _print, format=_CAPTURED, filter=lambda _: captures(), diagnose=False, backtrace=False
    )
    return own


def _not_captured(_: Record) -> bool:
    return not captures()


def _print(message: str) -> None:
    """Print what a plugin has logged, as loguru does by itself."""
    sys.stderr.write(message)


def _standard_error():
    """Take standard error as it is now"""
    try:
        return StandardError(sys.stderr)
    except (AttributeError, OSError, ValueError):
        ...
