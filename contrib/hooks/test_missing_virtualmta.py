"""missing_virtualmta.py: mail of a VirtualMTA that does not exist leaves by another, or waits."""

from pathlib import Path

import pytest

HOOK = Path(__file__).with_name("missing_virtualmta.py")


def test_there_may_be_another_one_to_use_instead(chain):
    expected = {"action": "new_mtaid", "new_mtaid": "pool-a"}
    chain(HOOK).assert_decision(expected, mtaid="pool-a1", mtaid_exists=False)


@pytest.mark.parametrize("mtaid", ["", "pool-a", "Pool-A1", "x" * 1000, "\r\n", "\ud800"])
def test_without_another_one_the_message_waits(chain, mtaid):
    expected = {"action": "pause", "message": "Its VirtualMTA does not exist"}
    chain(HOOK).assert_decision(expected, mtaid=mtaid, mtaid_exists=False)


@pytest.mark.parametrize("mtaid", ["", "pool-a1", "pool-a"])
def test_a_virtualmta_that_exists_is_used(chain, mtaid):
    chain(HOOK).assert_decision({"action": "normal"}, mtaid=mtaid, mtaid_exists=True)
