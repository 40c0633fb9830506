"""Waiting for what happens in another thread or process."""

from __future__ import annotations

from time import monotonic, sleep

STEP = 0.002
PATIENCE = 20.0
"""Seconds after which something that has no time limit of its own is taken to have failed."""


def eventually(condition, seconds=PATIENCE):
    """Wait until a condition is true; return what it returned.

    Args:
        condition: a function without arguments.
        seconds: how long to wait; the contract's one second where it promises one.
    """
    until = monotonic() + seconds
    while not (value := condition()):
        assert monotonic() < until, f"not true within {seconds} s: {condition}"
        sleep(STEP)
    return value


def for_a_while(seconds, observe):
    """Observe something again and again for so many seconds; return everything observed."""
    until = monotonic() + seconds
    seen = []
    while monotonic() < until:
        seen.append(observe())
        sleep(STEP)
    return seen
