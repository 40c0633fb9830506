"""throttle_domain.py: so many attempts a minute are made at a destination."""

import pytest

LIMITED = {"action": "pause", "message": "At most 30 a minute to small.example"}
NORMAL = {"action": "normal"}
GAP = 2.0
"""seconds between two attempts, at 30 a minute"""
BURST = 5
NOON = 1_790_000_000
MOMENT = 0.001


@pytest.fixture
def policy(chain, edited):
    """The hook as it comes, at a time that stands still."""
    return chain(edited("throttle_domain"), now=NOON)


def let_through(policy, attempts):
    """Make attempts at once, and count those that go."""
    decisions = [policy.decide(recipient="jane@small.example") for _ in range(attempts)]
    assert all(decision in (NORMAL, LIMITED) for decision in decisions), policy.log
    return decisions.count(NORMAL)


def test_a_burst_goes_at_once_and_no_more(policy):
    assert let_through(policy, 100) == BURST


def test_after_the_burst_one_goes_at_a_time(policy):
    let_through(policy, 100)
    for number in range(1, 10):
        policy.set_time(NOON + number * GAP - MOMENT)
        policy.assert_decision(LIMITED, recipient="jane@small.example")
        policy.set_time(NOON + number * GAP + MOMENT)
        policy.assert_decision(NORMAL, recipient="jane@small.example")
        policy.assert_decision(LIMITED, recipient="jane@small.example")


def test_over_some_minutes_of_pressure_the_limit_is_kept(policy):
    gone = 0
    for _ in range(10 * 60):
        gone += let_through(policy, 2)
        policy.advance(1)
    assert abs(gone - (30 * 10 + BURST - 1)) <= 1


def test_what_was_not_used_is_saved_up_to_one_burst(policy):
    let_through(policy, 100)
    policy.advance(3 * GAP + MOMENT)
    assert let_through(policy, 100) == 3
    policy.advance(3600)
    assert let_through(policy, 100) == BURST


def test_a_deferred_attempt_does_not_count(policy):
    let_through(policy, 100)
    policy.advance(GAP + MOMENT)
    assert let_through(policy, 1) == 1


def test_a_domain_counts_however_it_is_written(policy, addresses_at):
    assert [policy.decide(recipient=each) for each in addresses_at("small.example")] == [
        *[NORMAL] * BURST,
        LIMITED,
    ]


def test_other_domains_are_not_limited(policy, addresses_not_at):
    let_through(policy, 100)
    for recipient in addresses_not_at("small.example"):
        policy.assert_decision(NORMAL, recipient=recipient)


def test_two_domains_do_not_count_for_each_other(chain, edited):
    limits = '{"small.example": 30, "tiny.example": 30}'
    policy = chain(edited("throttle_domain", PER_MINUTE=limits), now=NOON)
    assert let_through(policy, 100) == BURST
    policy.assert_decision(NORMAL, recipient="jane@tiny.example")


def test_what_it_remembers_does_not_grow(policy, addresses_not_at):
    let_through(policy, 100)
    before = set(policy.state)
    for recipient in addresses_not_at("small.example"):
        policy.decide(recipient=recipient)
    assert set(policy.state) == before == {"throttle_domain.small.example"}


@pytest.mark.parametrize("constants", [{"PER_MINUTE": '{"x.example": 0}'}, {"BURST": "0"}])
def test_a_limit_that_lets_nothing_through_is_a_load_error(chain, edited, constants):
    policy = chain(edited("throttle_domain", **constants), broken=True)
    assert "PER_MINUTE and BURST: numbers above zero" in policy.problem


def test_a_limit_may_be_less_than_one_a_minute(chain, edited):
    hook = edited("throttle_domain", PER_MINUTE='{"small.example": 0.5}', BURST="1")
    policy = chain(hook, now=NOON)
    decisions = []
    for _ in range(3):
        decisions.append(policy.decide(recipient="jane@small.example")["action"])
        policy.advance(60 + MOMENT)
    assert decisions == ["normal", "pause", "normal"]
