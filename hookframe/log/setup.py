"""The daemon's log: a logger of our own, and the one sink that it has."""

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
    """Make the log of a program that is nothing but the daemon (CONTRACT 6).

    A program calls this once, before it opens a socket or loads a plugin. What plugins log by
    loguru goes to the same place; while a hook runs it counts as what that plugin prints.

    Args:
        table: where the log goes.

    Returns:
        The log. Its `look_after` says how many lines were lost as soon as that can be said.

    Raises:
        LogUnusable: the log can't be written to the directory.
    """
    open_standard_streams()
    terminal = open_standard_error()
    if table.directory is None:
        return Log(_make_logger(terminal, terminal, _TERMINAL))

    def complain(text: str) -> None:
        terminal.write(f"hookframe: {text}\n")

    directory = LogDirectory(table.directory, table.size, table.files, complain)
    return Log(_make_logger(directory.write_line, directory, _DIRECTORY), directory.report_dropped)


def _make_logger(own_sink: Writable | Callable[[str], None], sink: Writable, form: str) -> Logger:
    """Make a copy of loguru's global logger with a sink of its own.

    A plugin that calls `logger.remove()` silences itself only.

    Args:
        own_sink: takes what the host says, a line each.
        sink: takes what plugins log beside their hooks.
        form: how both look.
    """
    # A watch that is stopped while an event comes in says so as an error; it is none.
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
    """Print what a plugin has logged; there is no other way to know which plugin it was."""
    sys.stderr.write(message)
