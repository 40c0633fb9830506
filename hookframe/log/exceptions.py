"""Exceptions as one line of a log: type, text and place."""

from __future__ import annotations

import traceback
from typing import Final

from hookframe.api.errors import CodeFileError
from hookframe.api.plugin_code import PACKAGE, calls_plugins

LONGEST_EXCEPTION: Final = 1000
"""The longest text of an exception, in characters, that is not cut."""


def describe(error: BaseException, near: str = "") -> str:
    """Describe an exception by its type, text and place.

    Args:
        error: the exception.
        near: the path of the file whose author reads the text: the place is its innermost line in
            the traceback, else the innermost line of all. Lines of hookframe itself are left out.

    Returns:
        `<type and text> at <file> line <n>`, without the place if the exception has none. For a
        `CodeFileError` its text alone, which contains all this.
    """
    try:
        return _describe(error, near)
    except BaseException:  # noqa: BLE001  (an exception's own attributes may raise anything)
        return f"{_type_name(error)}: (its text can't be shown)"


def describe_own(error: BaseException) -> str:
    """Describe an error of hookframe's own by its type, text and innermost line."""
    *_, last = traceback.extract_tb(error.__traceback__)
    return f"{_format_type_and_text(error)} at {last.filename} line {last.lineno}"


def _type_name(error: BaseException) -> str:
    """Return the name of an exception's type without running its code."""
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
    hint = _find_hint(type(error), text)
    return f"{name}: {text}{hint}" if text else name


def _find_hint(kind: type[BaseException], text: str) -> str:
    """Return what to do about an error of Python's own that says nothing to a hook's author."""
    if kind is TypeError and "'mappingproxy' object" in text:
        return " (the decision so far is read-only: return a decision of your own)"
    if kind is KeyError:
        return " (there is no such key)"
    return ""


@calls_plugins
def _format_text(error: BaseException) -> str:
    try:
        # A plain str, even if `__str__` returns an instance of a subclass.
        text = str.__getitem__(str(error), slice(LONGEST_EXCEPTION + 1))
    except BaseException:  # noqa: BLE001  (an exception's own __str__ may raise anything)
        return "(its text can't be shown)"
    return f"{text[:LONGEST_EXCEPTION]}…" if len(text) > LONGEST_EXCEPTION else text


def _format_source_line(error: SyntaxError) -> str:
    line = (error.text or "").strip()
    return f', near "{line}"' if line else ""
