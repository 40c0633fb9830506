"""The daemon's log: a logger of our own, and the one sink that it has."""

from __future__ import annotations

import logging
import sys
from copy import deepcopy
from typing import TYPE_CHECKING, Final

from loguru import logger

from hookframe.descriptors import StandardStreams
from hookframe.log import Log
from hookframe.log_directory import LogDirectory
from hookframe.output import captures
from hookframe.terminal import Writable, standard_error

if TYPE_CHECKING:
    from loguru import Logger, Record

    from hookframe.config import LogTable

_TERMINAL: Final = "<dim>{time:YYYY-MM-DD HH:mm:ss.SSS}</dim> <level>{level: <7}</level> {message}"
_DIRECTORY: Final = "{level: <7} {message}"
_PRINTED: Final = "{level}: {message}"


def daemon_log(table: LogTable) -> Log:
    """Make the log of a program that is nothing but the daemon (CONTRACT 6).

    A program calls this once, before it opens a socket or loads a plugin. What plugins log by
    loguru goes to the same place; while a hook runs it counts as what that plugin prints.

    Args:
        table: where the log goes.

    Returns:
        The log. Its `look_after` puts the standard streams back if a plugin has closed or replaced
        them, and says how many lines were lost as soon as that can be said.

    Raises:
        LogUnusable: the log can't be written to the directory.
    """
    streams = StandardStreams()
    terminal = standard_error()
    if table.directory is None:
        log = Log(_own_logger(terminal, _TERMINAL), lambda: _put_back(streams, log))
        return log

    def complain(text: str) -> None:
        terminal.write(f"hookframe: {text}\n")

    def look_after() -> None:
        _put_back(streams, log)
        directory.catch_up()

    directory = LogDirectory(table.directory, table.size, table.files, complain)
    log = Log(_own_logger(directory, _DIRECTORY), look_after)
    return log


def _put_back(streams: StandardStreams, log: Log) -> None:
    """Put back what a plugin has closed or replaced, and say so."""
    for number in streams.put_back():
        log.warning(f"a plugin closed or replaced descriptor {number}; it is put back")


def _own_logger(sink: Writable, form: str) -> Logger:
    """Make a copy of loguru's global logger with a sink of its own.

    A plugin that calls `logger.remove()` silences itself only.
    """
    # A watch that is stopped while an event comes in says so as an error; it is none.
    logging.getLogger("watchdog").setLevel(logging.CRITICAL)
    logger.remove()
    own = deepcopy(logger)
    own.add(sink, format=form, diagnose=False, backtrace=False)
    logger.add(sink, format=form, filter=_beside_hooks, diagnose=False, backtrace=False)
    logger.add(_print, format=_PRINTED, filter=_in_a_hook, diagnose=False, backtrace=False)
    return own


def _in_a_hook(_: Record) -> bool:
    return captures()


def _beside_hooks(_: Record) -> bool:
    return not captures()


def _print(message: str) -> None:
    """Print what a plugin has logged; there is no other way to know which plugin it was."""
    sys.stderr.write(message)
