"""Who prints: the plugin whose code has written, found on the stack of its thread."""

from __future__ import annotations

import logging
import sys
import threading
import warnings
from types import CodeType, FrameType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from hookframe.api.plugin_code import CALLERS, PACKAGE, read_called
from hookframe.log.exceptions import describe

if TYPE_CHECKING:
    from hookframe.log.capture.output import Output

_OWN_LOG: Final = f"{PACKAGE}log/log.py"
"""The file through which hookframe writes its own lines, those about a plugin too."""
_MEMORY: Final = "_hookframe_printer"
"""The attribute of a thread that names the plugin which has started it."""
_start_thread: Final = threading.Thread.start
get_frame: Final = sys._getframe  # noqa: SLF001  (its documented name)

outputs: Final[list[Output]] = []
"""the outputs of all open hosts"""


class Printer(NamedTuple):
    """The plugin that prints, and the output of its host."""

    output: Output
    plugin: str


class Record(NamedTuple):
    """A message of `logging`, `warnings` or loguru, before it was formatted."""

    level: str
    text: str


def find_printer(frame: FrameType | None) -> Printer | None:
    """Find the plugin whose code runs in this thread.

    It is the plugin of the innermost function of hookframe that calls one; else the one whose code
    has started the thread; else the one whose hook file or module is on the stack.

    Args:
        frame: the innermost frame of the thread.

    Returns:
        The plugin; None for the program's own code, and for hookframe's own lines.
    """
    if not outputs:
        return None
    found, by_file = "", None
    each = frame
    while each is not None:
        code = each.f_code
        if code in CALLERS:
            found = _read_name(read_called(each))
            if found:
                return Printer(_find_output(each), found)
        elif code.co_filename == _OWN_LOG:
            return None
        else:
            by_file = _find_by_file(code.co_filename) or by_file
        each = each.f_back
    return threading.current_thread().__dict__.get(_MEMORY) or by_file


def _read_name(called: Any) -> str:
    """Read the name of a plugin, or of a member's plugin; empty if there is none."""
    plugin = getattr(called, "plugin", called)
    return plugin if type(plugin) is str else getattr(plugin, "name", "")


def _find_output(frame: FrameType | None) -> Output:
    """Find the output of the host that calls the plugin."""
    while frame is not None and len(outputs) > 1:
        if frame.f_code.co_filename.startswith(PACKAGE):
            host = frame.f_locals.get("self")
            for each in outputs:
                if each.host is host:
                    return each
        frame = frame.f_back
    return outputs[-1]


def _find_by_file(path: str) -> Printer | None:
    for each in outputs:
        if path in each.files:
            return Printer(each, each.files[path])
    return None


def _start_and_remember(self: threading.Thread) -> None:
    """Start a thread, and remember in it the plugin whose code does so."""
    printer = find_printer(get_frame(1))
    if printer is not None:
        self.__dict__[_MEMORY] = printer
    _start_thread(self)


def remember_threads() -> None:
    """Remember from now on which plugin starts a thread."""
    if threading.Thread.start is _start_thread:
        threading.Thread.start = _start_and_remember  # type: ignore[method-assign]


def forget_threads() -> None:
    """Start threads as Python does."""
    if threading.Thread.start is _start_and_remember:
        threading.Thread.start = _start_thread  # type: ignore[method-assign]


def read_record(frame: FrameType, text: str) -> Record | None:
    """Read the record of a line that a logging library writes to a stream.

    Args:
        frame: the frame that writes.
        text: the formatted line.

    Returns:
        The record, so that its line can have the log's own form; None for anything else.
    """
    if type(text).__module__ == "loguru._handler":
        return read_loguru(text.record)  # type: ignore[attr-defined]
    if frame.f_code is _LOGGING:
        return _read_logging(frame.f_locals["record"], text)
    if frame.f_code is _WARNINGS:
        warning = frame.f_locals["msg"]
        what = f"{warning.category.__name__}: {warning.message}"
        return Record("WARNING", f"{what} at {warning.filename} line {warning.lineno}")
    return None


def read_loguru(record: Any) -> Record:
    """Read a record of loguru."""
    error = record["exception"]
    return Record(
        _name_level(record["level"].no),
        _append_error(record["message"], error and error.value),
    )


def _read_logging(record: logging.LogRecord, text: str) -> Record:
    message = record.__dict__.get("message")
    error = record.exc_info[1] if isinstance(record.exc_info, tuple) else None
    if type(message) is not str:  # the plugin's own formatter
        return Record(_name_level(record.levelno), text.rstrip("\n"))
    return Record(_name_level(record.levelno), _append_error(message, error))


def _append_error(message: str, error: BaseException | None) -> str:
    return message if error is None else f"{message}: {describe(error)}"


def _name_level(number: int) -> str:
    """Return our level for one of logging and loguru, which use the same numbers."""
    if number >= logging.ERROR:
        return "ERROR"
    if number >= logging.WARNING:
        return "WARNING"
    return "INFO" if number >= logging.INFO else "DEBUG"


def _find_code(module: Any, name: str) -> CodeType | None:
    return getattr(getattr(module, name, None), "__code__", None)


_LOGGING: Final = logging.StreamHandler.emit.__code__
_WARNINGS: Final = _find_code(warnings, "_showwarnmsg_impl")
