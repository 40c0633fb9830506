"""Observing what happens in another thread or process; `hookframe.testing` has `eventually`."""

from __future__ import annotations

from time import monotonic, sleep

STEP = 0.002
PATIENCE = 30.0
"""Seconds after which a test takes it that something will never happen."""


def for_a_while(seconds, observe):
    """Observe something again and again for so many seconds; return everything observed."""
    until = monotonic() + seconds
    seen = []
    while monotonic() < until:
        seen.append(observe())
        sleep(STEP)
    return seen
