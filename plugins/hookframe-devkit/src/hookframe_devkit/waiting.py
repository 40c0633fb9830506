"""Waiting for what happens in another thread or process."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep
from typing import Final, TypeVar

PATIENCE: Final = 30.0
"""Seconds after which a test gives up waiting."""
_STEP: Final = 0.002

T = TypeVar("T")


def eventually(check: Callable[[], T], timeout: float = PATIENCE) -> T:
    """Call a function until it returns something true.

    Args:
        check: a function without arguments; an exception of it ends the wait.
        timeout: how long to wait at most, in seconds.

    Returns:
        The first true value.

    Raises:
        AssertionError: the time is up.
    """
    end = monotonic() + timeout
    while not (value := check()):
        if monotonic() >= end:
            name = getattr(check, "__qualname__", repr(check))
            raise AssertionError(f"not true within {timeout:g} s: {name} returned {value!r}")
        sleep(_STEP)
    return value
