"""The fold: how decisions add up (CONTRACT 2)."""

from __future__ import annotations

from itertools import permutations

from hypothesis import given
from hypothesis import strategies as st

from hookframe.api.decision import ACCUMULATED_ACTIONS, NORMAL, check_decision
from hookframe.chain.fold import fold

from .strategies import DECISION, SUM

STRICTNESS = {"pause": 1, "dump": 2}
ROUTING = ("deliver_as_if_to_domain", "new_mtaid", "new_sender")
VOTES = st.lists(DECISION, max_size=6)


def folded(votes, start=NORMAL):
    total = start
    for vote in votes:
        total = fold(total, vote)
    return dict(total)


def strictness(decision):
    return STRICTNESS.get(decision["action"], 0)


@given(VOTES)
def test_the_strictest_verdict_wins(votes):
    assert strictness(folded(votes)) == max(map(strictness, votes), default=0)


@given(st.lists(DECISION, max_size=4))
def test_the_verdict_does_not_depend_on_the_order(votes):
    assert len({strictness(folded(order)) for order in permutations(votes)}) == 1


@given(VOTES)
def test_the_first_of_the_strictest_keeps_its_message_and_nothing_else_is_carried(votes):
    total = folded(votes)
    if strictness(total):
        first = next(vote for vote in votes if vote["action"] == total["action"])
        assert total == first


@given(VOTES)
def test_without_a_verdict_each_routing_key_has_its_last_value(votes):
    total = folded(votes)
    if strictness(total):
        return
    for key in ROUTING:
        values = [vote[key] for vote in votes if key in vote]
        assert total.get(key) == (values[-1] if values else None)
    assert set(total) <= {"action", *ROUTING}


@given(VOTES)
def test_the_keys_name_the_action(votes):
    total = folded(votes)
    if not strictness(total):
        named = "new_config" if "new_sender" in total else "new_mtaid"
        assert total["action"] == (named if {"new_sender", "new_mtaid"} & set(total) else "normal")


@given(SUM, DECISION, DECISION)
def test_strictness_is_associative(total, first, second):
    """Plugins of the middle may be taken together: their sum weighs as they do one by one."""
    one_by_one = fold(fold(total, first), second)
    together = fold(total, fold(first, second))
    assert strictness(one_by_one) == strictness(together)
    if strictness(one_by_one):
        assert dict(one_by_one) == dict(together)


@given(VOTES)
def test_folding_the_same_votes_twice_changes_nothing_more(votes):
    once = folded(votes)
    assert folded(votes, once) == once


@given(SUM)
def test_normal_is_neutral(total):
    assert fold(total, {"action": "normal"}) is total
    assert folded([total]) == total


@given(VOTES)
def test_a_sum_is_a_decision_that_a_wrapper_may_return(votes):
    total = folded(votes)
    assert check_decision(total, ACCUMULATED_ACTIONS) == total


@given(SUM, DECISION)
def test_neither_operand_is_changed(total, vote):
    before = dict(total), dict(vote)
    fold(total, vote)
    assert (total, vote) == before
