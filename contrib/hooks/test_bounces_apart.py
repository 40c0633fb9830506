"""bounces_apart.py: bounces leave by a VirtualMTA of their own."""

from pathlib import Path

import pytest

HOOK = Path(__file__).with_name("bounces_apart.py")


def test_what_has_the_null_sender_leaves_by_the_other_virtualmta(chain):
    chain(HOOK).assert_decision({"action": "new_mtaid", "new_mtaid": "bounce-pool"}, sender="")


@pytest.mark.parametrize("sender", ["a@example.com", "@", " ", "<>", '""@example.com', "\ud800"])
def test_all_other_mail_stays_where_it_is(chain, sender):
    chain(HOOK).assert_decision({"action": "normal"}, sender=sender)
