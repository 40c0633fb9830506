"""Converters of configuration values: each returns the typed value or raises ValueError."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from hookframe._text import short_repr
from hookframe.api.decision import ACTIONS
from hookframe.config.address import Address, parse_address

_UNITS: Final = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_MULTIPLES: Final = {"KiB": 1 << 10, "MiB": 1 << 20, "GiB": 1 << 30}
_SIZE: Final = re.compile(r"([0-9]{1,12})\s*(KiB|MiB|GiB)")
_DURATION: Final = re.compile(r"([0-9]+(?:\.[0-9]+)?)\s*(us|ms|s|m|h)")
_MOST: Final = (1 << 31) - 1
_LARGEST_SIZE: Final = 1 << 50
_LONGEST_TIME: Final = 366 * 24 * 3600.0
"""More is a slip, and more than clocks, limits of the system and shared counters hold."""

Convert = Callable[[Any], Any]
"""A function that returns the typed value, or raises ValueError with what was expected."""


def text(value: Any) -> str:
    """Accept a string that is not empty and has no NUL."""
    if isinstance(value, str) and value and "\0" not in value:
        return value
    raise ValueError(f"must be a string, not {short_repr(value)}")


def boolean(value: Any) -> bool:
    """Accept true or false."""
    if isinstance(value, bool):
        return value
    raise ValueError(f"must be true or false, not {short_repr(value)}")


def positive(value: Any, most: int = _MOST) -> int:
    """Accept a whole number from 1 to `most`."""
    if isinstance(value, int) and not isinstance(value, bool) and value > 0:
        if value > most:
            raise ValueError(f"must be at most {most}, not {short_repr(value)}")
        return value
    raise ValueError(f"must be a whole number from 1, not {short_repr(value)}")


def duration(value: Any) -> float:
    """Convert a time such as "50ms" or "1s" to seconds, for a setting of a plugin too.

    Args:
        value: a number with a unit: us, ms, s, m or h; at most a year.

    Returns:
        The time in seconds, greater than 0.

    Raises:
        ValueError: the value is not such a time; the text says what was expected.
    """
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    seconds = float(match[1]) * _UNITS[match[2]] if match else 0.0
    if seconds > _LONGEST_TIME:
        raise ValueError(f"must be at most a year, not {short_repr(value)}")
    if seconds > 0:
        return seconds
    raise ValueError(f'must be a time such as "50ms", "1s" or "5m", not {short_repr(value)}')


def size(value: Any) -> int:
    """Convert an amount of memory or disk such as "64MiB" to bytes."""
    match = _SIZE.fullmatch(value.strip()) if isinstance(value, str) else None
    amount = int(match[1]) * _MULTIPLES[match[2]] if match else 0
    if amount > _LARGEST_SIZE:
        raise ValueError(f"must be at most {_LARGEST_SIZE >> 30}GiB, not {short_repr(value)}")
    if amount > 0:
        return amount
    raise ValueError(f'must be a size such as "512KiB", "64MiB" or "1GiB", not {short_repr(value)}')


def one_of(*allowed: str) -> Convert:
    """Accept one of a few words."""

    def convert(value: Any) -> str:
        if isinstance(value, str) and value in allowed:
            return value
        *most, last = (f'"{word}"' for word in allowed)
        words = f"{', '.join(most)} or {last}"
        raise ValueError(f"must be {words}, not {short_repr(value)}")

    return convert


def names_or(word: str) -> Convert:
    """Accept a list of different names, or one word for a list that is known later."""

    def convert(value: Any) -> tuple[str, ...] | str:
        if value == word:
            return word
        if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
            raise ValueError(
                f'must be a list of plugin names, or "{word}", not {short_repr(value)}'
            )
        twice = sorted(name for name, times in Counter(value).items() if times > 1)
        if twice:
            raise ValueError(f"has {', '.join(twice)} more than once")
        return tuple(value)

    return convert


def actions(value: Any) -> frozenset[str]:
    """Accept a list of actions."""
    known = ", ".join(ACTIONS)
    if not isinstance(value, list):
        raise ValueError(f"must be a list of actions out of {known}, not {short_repr(value)}")
    for name in value:
        if not isinstance(name, str) or name not in ACTIONS:
            raise ValueError(f"unknown action {short_repr(name)}; expected some of {known}")
    return frozenset(value)


def addresses(*, allow_remote: bool) -> Convert:
    """Accept one address or a list of them."""

    def convert(value: Any) -> tuple[Address, ...]:
        listed = value if isinstance(value, list) else [value]
        if not listed or not all(isinstance(each, str) for each in listed):
            raise ValueError(f"must be an address or a list of addresses, not {short_repr(value)}")
        parsed = tuple(parse_address(each, allow_remote=allow_remote) for each in listed)
        if len({str(each) for each in parsed}) < len(parsed):
            raise ValueError("has the same address more than once")
        return parsed

    return convert
