"""Exceptions in words: what happened and where, on one line, for a log."""

from __future__ import annotations

import traceback
from typing import Final

from hookframe.api.errors import CodeFileError
from hookframe.api.plugin_code import PACKAGE, calls_plugins

LONGEST: Final = 1000
"""The longest text of an exception, in characters, that is said whole."""


def describe(error: BaseException, near: str = "") -> str:
    """Say an exception's type, text and place.

    Args:
        error: the exception.
        near: the file whose author reads the text; the innermost of its lines is named where the
            traceback has one, and the innermost of all otherwise. Lines of hookframe itself are
            nobody's mistake but ours, and never named.

    Returns:
        `<type and text> at <file> line <n>`; without the place where the exception has none. Of a
        `CodeFileError` the text alone, which says all that.
    """
    try:
        return _describe(error, near)
    except BaseException:  # noqa: BLE001  (an exception's own members may be and do anything)
        return f"{_type_name(error)}: (its text can't be shown)"


def _type_name(error: BaseException) -> str:
    """Name an exception's type, and ask no code of its author's for it."""
    return str(type.__dict__["__name__"].__get__(type(error)))


@calls_plugins
def _describe(error: BaseException, near: str) -> str:
    if issubclass(type(error), CodeFileError):
        return _format_text(error)
    text = _format_type_and_text(error)
    if isinstance(error, SyntaxError) and error.filename:
        return f"{text} at {error.filename} line {error.lineno or 1}{_format_source_line(error)}"
    frames = traceback.extract_tb(error.__traceback__)
    lines = [
        (each.filename, each.lineno) for each in frames if not each.filename.startswith(PACKAGE)
    ]
    own = [line for line in lines if line[0] == near] or lines
    if not own:
        return text
    file, number = own[-1]
    return f"{text} at {file} line {number}"


@calls_plugins
def _format_type_and_text(error: BaseException) -> str:
    name = _type_name(error)
    if isinstance(error, SyntaxError):
        return f"{name}: {error.msg}"
    text = _format_text(error)
    return f"{name}: {text}" if text else name


@calls_plugins
def _format_text(error: BaseException) -> str:
    try:
        text = str.__getitem__(str(error), slice(LONGEST + 1))  # a plain one, whatever it was
    except BaseException:  # noqa: BLE001  (an exception's own __str__ may do anything)
        return "(its text can't be shown)"
    return f"{text[:LONGEST]}…" if len(text) > LONGEST else text


def _format_source_line(error: SyntaxError) -> str:
    line = (error.text or "").strip()
    return f', near "{line}"' if line else ""
