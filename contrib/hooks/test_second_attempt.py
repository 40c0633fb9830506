"""second_attempt.py: later attempts leave by another VirtualMTA."""

from pathlib import Path

import pytest

HOOK = Path(__file__).with_name("second_attempt.py")
NORMAL = {"action": "normal"}


def test_a_later_attempt_leaves_by_the_other_one(chain):
    expected = {"action": "new_mtaid", "new_mtaid": "slow-pool"}
    chain(HOOK).assert_decision(expected, mtaid="fast-pool", is_first_attempt=False)


def test_the_first_attempt_does_not(chain):
    chain(HOOK).assert_decision(NORMAL, mtaid="fast-pool", is_first_attempt=True)


@pytest.mark.parametrize("mtaid", ["", "slow-pool", "Fast-Pool", "\ud800"])
@pytest.mark.parametrize("first", [True, False])
def test_other_virtualmtas_keep_their_mail(chain, mtaid, first):
    chain(HOOK).assert_decision(NORMAL, mtaid=mtaid, is_first_attempt=first)
