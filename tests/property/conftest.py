"""How much is tried: enough to find what is wrong, and little enough to run every time."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

settings.register_profile(
    "hookframe",
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.load_profile("hookframe")
