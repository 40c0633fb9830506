"""warm_up.py: a new VirtualMTA gets a share of the mail that grows day by day."""

from datetime import UTC, datetime, timedelta
from math import sqrt

import pytest

FIRST = datetime(2026, 11, 2, tzinfo=UTC)
RECIPIENTS = [f"recipient-{number}@example.net" for number in range(1_500)]
SIGMAS = 5
"""how far a count may be from its mean: a fair hash is not there once in a million days"""
MOVED = {"action": "new_mtaid", "new_mtaid": "new-pool"}
NORMAL = {"action": "normal"}
SHARES = [0.5, 1, 2, 4, 8, 15, 30, 50, 75, 100]


@pytest.fixture
def moved_at(chain, edited):
    """Give the recipients whose mail leaves by the new VirtualMTA at a moment."""
    policy = chain(edited("warm_up"))

    def moved_at(moment):
        policy.set_time(moment)
        decisions = {each: policy.decide(mtaid="old-pool", recipient=each) for each in RECIPIENTS}
        assert all(decision in (MOVED, NORMAL) for decision in decisions.values()), policy.log
        return {each for each, decision in decisions.items() if decision == MOVED}

    return moved_at


@pytest.mark.parametrize(("day", "percentage"), [*enumerate(SHARES)])
def test_each_day_has_its_share(moved_at, day, percentage):
    share, number = percentage / 100, len(RECIPIENTS)
    count = len(moved_at(FIRST + timedelta(days=day, hours=12)))
    assert abs(count - number * share) <= SIGMAS * sqrt(number * share * (1 - share))


def test_who_has_moved_stays(moved_at):
    before = set()
    for day in range(len(SHARES)):
        now = moved_at(FIRST + timedelta(days=day))
        assert before < now
        before = now


def test_before_the_first_day_nobody_moves_and_after_the_last_one_all_have(moved_at):
    assert moved_at(FIRST - timedelta(microseconds=1)) == set()
    assert moved_at(datetime(1970, 1, 1, tzinfo=UTC)) == set()
    assert moved_at(FIRST + timedelta(days=1000)) == set(RECIPIENTS)


def test_the_share_grows_at_midnight_utc(moved_at):
    last, first = FIRST + timedelta(days=6, microseconds=-1), FIRST + timedelta(days=6)
    assert moved_at(FIRST + timedelta(days=5)) == moved_at(last) < moved_at(first)


@pytest.mark.parametrize("mtaid", ["", "new-pool", "Old-Pool", "\ud800"])
def test_the_mail_of_other_virtualmtas_stays(chain, edited, mtaid):
    policy = chain(edited("warm_up"), now=FIRST + timedelta(days=100))
    policy.assert_decision(NORMAL, mtaid=mtaid)


@pytest.mark.parametrize(
    "recipient", ["", "no-domain", '"a@b"@example.net', "ü@ü.example", "\ud800"]
)
def test_no_recipient_is_too_odd_to_move(chain, edited, recipient):
    policy = chain(edited("warm_up"), now=FIRST + timedelta(days=100))
    policy.assert_decision(MOVED, mtaid="old-pool", recipient=recipient)


def test_the_case_of_an_address_makes_no_difference(chain, edited):
    policy = chain(edited("warm_up"), now=FIRST + timedelta(days=7))
    for recipient in RECIPIENTS[:100]:
        decision = policy.decide(mtaid="old-pool", recipient=recipient)
        policy.assert_decision(decision, mtaid="old-pool", recipient=recipient.upper())


def test_a_first_day_may_be_for_nobody(chain, edited):
    policy = chain(edited("warm_up", PERCENTAGES="[0, 100]"), now=FIRST)
    policy.assert_decision(NORMAL, mtaid="old-pool")
    policy.advance(24 * 60 * 60)
    policy.assert_decision(MOVED, mtaid="old-pool")


@pytest.mark.parametrize("percentages", ["[2, 1]", "[-1, 1]", "[50, 101]"])
def test_percentages_that_make_no_sense_are_a_load_error(chain, edited, percentages):
    policy = chain(edited("warm_up", PERCENTAGES=percentages), broken=True)
    assert "PERCENTAGES: numbers from 0 to 100, none below the one before it" in policy.problem
