"""change_virtualmta.py: one campaign leaves by another VirtualMTA."""

from pathlib import Path

import pytest

HOOK = Path(__file__).with_name("change_virtualmta.py")


def printed(policy):
    return [line for line in policy.log if line.startswith("plugin file: ")]


def test_the_campaign_leaves_by_the_other_one_and_the_log_says_so(chain):
    policy = chain(HOOK)
    policy.assert_decision({"action": "new_mtaid", "new_mtaid": "smtp1-3"}, sendid="trans170101")
    assert printed(policy) == ["plugin file: SendID trans170101 leaves by smtp1-3"]


@pytest.mark.parametrize("sendid", ["", "TRANS170101", "trans170101 ", "newsletter", "\ud800"])
def test_all_others_stay_where_they_are_without_a_word(chain, sendid):
    policy = chain(HOOK)
    policy.assert_decision({"action": "normal"}, sendid=sendid)
    assert printed(policy) == []


def test_several_campaigns_each_have_their_own(chain, edited):
    policy = chain(edited("change_virtualmta", MOVED='{"a": "one", "b": "two"}'))
    policy.assert_decision({"action": "new_mtaid", "new_mtaid": "one"}, sendid="a")
    policy.assert_decision({"action": "new_mtaid", "new_mtaid": "two"}, sendid="b")
