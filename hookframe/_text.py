"""Text for people: escaped and shortened values, suggested names, decisions on one line."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any, Final

_LONGEST: Final = 80


def escape(text: str) -> str:
    r"""Escape what could break out of its place in a log line.

    Control characters, line separators, bidirectional marks, lone surrogates and everything else
    that does not print become `\xNN`, `\uNNNN` or `\UNNNNNNNN`; a backslash is doubled, and a
    closing bracket, which ends a value in `msguid=[…]`, gets a backslash. So no two texts look
    the same.

    Args:
        text: any string.

    Returns:
        One printable line; the text itself where there is nothing to escape.
    """
    if text.isprintable() and "\\" not in text and "]" not in text:
        return text
    return "".join(map(_escape_letter, text))


def one_line(text: str) -> str:
    """Escape only what does not print: for hookframe's own texts, which may quote input."""
    return (
        text
        if text.isprintable()
        else "".join(letter if letter.isprintable() else _escape_letter(letter) for letter in text)
    )


def _escape_letter(letter: str) -> str:
    if letter in "\\]":
        return f"\\{letter}"
    if letter.isprintable():
        return letter
    code = ord(letter)
    if code <= 0xFF:  # noqa: PLR2004  (the largest code of two hexadecimal digits)
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004


def short_repr(value: object) -> str:
    """Return the repr of a value from outside, short and on one line of ASCII.

    Args:
        value: any object; its `__repr__` may raise or return any text.
    """
    try:
        text = ascii(value)
    except Exception:  # noqa: BLE001  (too many digits or levels, an odd __repr__)
        text = f"a value of type {type(value).__name__} that can't be shown"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Suggest the known name that is closest to an unknown one.

    Args:
        name: the unknown name; a value that is not a string gets no suggestion.
        known: the known names.

    Returns:
        ` (did you mean NAME?)`, or an empty string where no known name is close.
    """
    close = get_close_matches(name, list(known), n=1) if isinstance(name, str) else []
    return f" (did you mean {close[0]}?)" if close else ""


def describe_decision(decision: Mapping[str, Any] | None) -> str:
    """Format a decision on one line: its action, then its keys; `-` for None.

    Args:
        decision: a decision, or None for a plugin that returned None.
    """
    if decision is None:
        return "-"
    keys = [
        f"{key}={json.dumps(value, ensure_ascii=False)}"
        for key, value in decision.items()
        if key not in ("action", "error")
    ]
    return one_line(" ".join([str(decision["action"]), *keys]))
