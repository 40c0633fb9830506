"""How much is tried: enough to find what is wrong, and little enough to run every time."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

FACTOR = int(os.environ.get("HOOKFRAME_FUZZ", "1"))
"""How many times as much shall be tried as usual; from 2 on it is something else each time."""


def examples(number: int, **more):
    """Try so many examples.

    Args:
        number: how many of them a usual run tries.
        more: further settings of hypothesis.
    """
    return settings(
        max_examples=number * FACTOR,
        derandomize=FACTOR == 1,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        **more,
    )
