"""`hookframe.config.plugin_policy`: what the operator lays down for one plugin."""

from __future__ import annotations

import pytest

from hookframe.config.plugin_policy import Policy


@pytest.mark.parametrize(
    ("policy", "shadow", "skips"),
    [
        (Policy(), False, False),
        (Policy(on_error="skip"), False, True),
        (Policy(mode="shadow"), True, True),
    ],
)
def test_a_shadow_changes_nothing_and_so_its_errors_are_skipped(policy, shadow, skips):
    assert (policy.shadow, policy.skips_errors) == (shadow, skips)


@pytest.mark.parametrize(
    ("may", "action", "allowed"),
    [
        (None, "dump", True),
        (frozenset(), "dump", False),
        (frozenset(), "normal", True),
        (frozenset({"pause"}), "pause", True),
        (frozenset({"pause"}), "dump", False),
    ],
)
def test_normal_is_always_allowed_and_everything_without_may(may, action, allowed):
    assert Policy(may=may).allows(action) is allowed
