"""Pieces that error texts have in common: what was seen, and what was probably meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

_LONGEST: Final = 80


def shown(value: object) -> str:
    """Show a value from outside, short and on one line of ASCII.

    Args:
        value: anything, with a `__repr__` that may do anything.
    """
    try:
        text = ascii(value)
    except Exception:  # noqa: BLE001  (too many digits or levels, an odd __repr__)
        text = f"a value of type {type(value).__name__} that can't be shown"
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Suggest a name in place of one that is not known.

    Args:
        name: what was written.
        known: what could have been.

    Returns:
        ` (did you mean NAME?)`, or nothing where no known name is close.
    """
    close = get_close_matches(name, list(known), n=1) if isinstance(name, str) else []
    return f" (did you mean {close[0]}?)" if close else ""
