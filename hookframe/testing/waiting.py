"""Waiting for what happens in another thread or process."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep
from typing import Final, TypeVar

PATIENCE: Final = 30.0
"""Seconds after which a test takes it that something will never happen."""
_STEP: Final = 0.002

T = TypeVar("T")


def eventually(check: Callable[[], T], timeout: float = PATIENCE) -> T:
    """Call a function again and again until it returns something true.

    Args:
        check: a function without arguments. What it raises ends the wait.
        timeout: how long to wait at the most, in seconds; a limit of the thing under test, or one
            that only a failure reaches.

    Returns:
        The first true value.

    Raises:
        AssertionError: the time is up, and the function still returned something false.
    """
    end = monotonic() + timeout
    while not (value := check()):
        if monotonic() >= end:
            name = getattr(check, "__qualname__", repr(check))
            raise AssertionError(f"not true within {timeout:g} s: {name} returned {value!r}")
        sleep(_STEP)
    return value
