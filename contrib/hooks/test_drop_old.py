"""drop_old.py: what is too old to be of use is bounced."""

import pytest

NOW = 1_790_000_000
LIMIT = 15 * 60
NO_QUEUE = 30 * 24 * 60 * 60
NORMAL = {"action": "normal"}
TOO_OLD = {"action": "dump", "message": "Too old to be of use"}
IMPOSSIBLE = {"action": "pause", "message": "Its time of injection can't be right"}


@pytest.fixture
def policy(chain, edited):
    """The hook as it comes, at a time that stands still."""
    return chain(edited("drop_old"), now=NOW)


@pytest.mark.parametrize(
    ("age", "decision"),
    [
        (0, NORMAL),
        (LIMIT - 1, NORMAL),
        (LIMIT, NORMAL),
        (LIMIT + 1, TOO_OLD),
        (NO_QUEUE, TOO_OLD),
        (NO_QUEUE + 1, IMPOSSIBLE),
    ],
)
def test_a_message_is_bounced_from_the_second_on_in_which_it_is_too_old(policy, age, decision):
    policy.assert_decision(decision, sendid="passwords", injtime=NOW - age)


def test_a_part_of_a_second_makes_it_too_old_as_well(policy):
    policy.advance(0.001)
    policy.assert_decision(TOO_OLD, sendid="passwords", injtime=NOW - LIMIT)


@pytest.mark.parametrize("ahead", [1, 3600, 10**10, 2**63, 10**400])
def test_a_message_from_the_future_is_new(policy, ahead):
    policy.assert_decision(NORMAL, sendid="passwords", injtime=NOW + ahead)


@pytest.mark.parametrize("injtime", [0, -1, 1, -(2**63), -(10**400)])
def test_a_time_that_can_not_be_is_no_reason_to_bounce(policy, injtime):
    policy.assert_decision(IMPOSSIBLE, sendid="passwords", injtime=injtime)


def test_a_clock_that_has_jumped_ahead_bounces_nothing(policy):
    policy.advance(10 * 365 * 24 * 60 * 60)
    policy.assert_decision(IMPOSSIBLE, sendid="passwords", injtime=NOW)


@pytest.mark.parametrize("sendid", ["", "receipts", "Passwords", "\ud800"])
@pytest.mark.parametrize("age", [0, NO_QUEUE, 2 * NO_QUEUE])
def test_other_campaigns_grow_as_old_as_they_like(policy, sendid, age):
    policy.assert_decision(NORMAL, sendid=sendid, injtime=NOW - age)


def test_each_campaign_has_its_own_age(policy):
    policy.assert_decision(NORMAL, sendid="daily-offer", injtime=NOW - 24 * 60 * 60)
    policy.assert_decision(TOO_OLD, sendid="daily-offer", injtime=NOW - 24 * 60 * 60 - 1)


@pytest.mark.parametrize("age", ["timedelta()", "timedelta(minutes=-1)", "timedelta(days=30)"])
def test_an_age_that_makes_no_sense_is_a_load_error(chain, edited, age):
    policy = chain(edited("drop_old", LONGEST=f'{{"x": {age}}}'), broken=True)
    assert "LONGEST: each age must be above zero and below NO_QUEUE_IS_THAT_OLD" in policy.problem
