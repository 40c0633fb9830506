"""`hookframe.chain.trace`: who decided."""

from __future__ import annotations

import pytest

from hookframe import Explanation


def vote(plugin, changed):
    return {"plugin": plugin, "changed": changed}


@pytest.mark.parametrize(
    ("action", "changed", "deciders"),
    [
        ("normal", [], ()),
        ("new_config", ["a", "b"], ("a", "b")),
        ("dump", ["a", "b"], ("b",)),
        ("pause", ["a"], ("a",)),
    ],
)
def test_a_verdict_has_one_decider_and_a_sum_may_have_several(action, changed, deciders):
    trace = tuple(vote(plugin, plugin in changed) for plugin in "abc")
    assert Explanation({"action": action}, trace).decided_by == deciders
