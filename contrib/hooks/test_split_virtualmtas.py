"""split_virtualmtas.py: percentages of a campaign leave by several VirtualMTAs."""

from collections import Counter
from math import sqrt

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

RECIPIENTS = [f"recipient-{number}@example.net" for number in range(20_000)]
SIGMAS = 5
"""how far a count may be from its mean: a fair hash is not there once in a million splits"""

MTAS = st.sampled_from(("a", "b", "c", "d"))
SHARES = st.dictionaries(MTAS, st.integers(min_value=0, max_value=25))


@pytest.fixture
def split(chain, edited):
    """Make the hook with some shares, and give the function that chooses for a recipient."""

    def split(shares, sendid="spring-sale"):
        policy = chain(edited("split_virtualmtas", SHARES=repr({sendid: shares})))

        def choose(recipient):
            decision = policy.decide(sendid=sendid, recipient=recipient)
            assert "error" not in decision, policy.log
            return decision.get("new_mtaid")

        return choose

    return split


def bounds(share, number):
    """Give the least and the largest count that a binomial distribution makes believable."""
    deviation = SIGMAS * sqrt(number * share * (1 - share))
    return number * share - deviation, number * share + deviation


def assert_shared(counts, shares):
    """Check that each count is what its percentage makes believable."""
    number = sum(counts.values())
    for mta, percentage in shares.items():
        least, largest = bounds(percentage / 100, number)
        assert least <= counts[mta] <= largest, (mta, counts)
    assert set(counts) <= set(shares)


@pytest.mark.parametrize(
    "shares",
    [
        {"pool-a": 70, "pool-b": 30},
        {"pool-a": 34, "pool-b": 33, "pool-c": 33},
        {"pool-a": 99.5, "pool-b": 0.5},
        {"pool-a": 25, "pool-b": 25, "pool-c": 25, "pool-d": 25},
    ],
)
def test_each_virtualmta_gets_its_percentage(split, shares):
    assert_shared(Counter(map(split(shares), RECIPIENTS)), shares)


def test_what_is_missing_from_100_percent_stays_where_it_is(split):
    shares = {"new-pool": 5}
    assert_shared(Counter(map(split(shares), RECIPIENTS)), {**shares, None: 95})


@pytest.mark.parametrize("shares", [{}, {"a": 0}, {"a": 0.0, "b": 0}])
def test_a_share_of_nothing_is_nothing(split, shares):
    assert set(map(split(shares), RECIPIENTS[:100])) == {None}


def test_a_share_of_all_is_all(split):
    assert set(map(split({"a": 100, "b": 0}), RECIPIENTS[:1000])) == {"a"}


def test_a_recipient_has_the_same_one_each_time_after_a_reload_too(chain, edited):
    shares = repr({"spring-sale": {"a": 40, "b": 60}})
    policy = chain(edited("split_virtualmtas", SHARES=shares))

    def chosen():
        return [policy.decide(sendid="spring-sale", recipient=each) for each in RECIPIENTS[:300]]

    before = chosen()
    assert chosen() == before
    policy.reload()
    assert chosen() == before


def test_the_case_of_an_address_and_the_order_of_the_table_make_no_difference(split):
    one, other = split({"a": 40, "b": 60}), split({"b": 60, "a": 40})
    for recipient in RECIPIENTS[:300]:
        assert one(recipient) == other(recipient) == other(recipient.upper())


def test_two_campaigns_are_split_independently_of_each_other(split):
    shares = {"a": 50, "b": 50}
    one, other = split(shares, "spring-sale"), split(shares, "summer-sale")
    both = Counter(one(recipient) == other(recipient) for recipient in RECIPIENTS)
    assert_shared(both, {True: 50, False: 50})


def test_of_a_share_that_grows_from_the_rest_only_the_growth_moves(split):
    before, after = split({"new": 10}), split({"new": 15})
    moved = Counter((before(each), after(each)) for each in RECIPIENTS)
    assert set(moved) == {("new", "new"), (None, None), (None, "new")}
    least, largest = bounds(0.05, len(RECIPIENTS))
    assert least <= moved[None, "new"] <= largest


@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(old=SHARES, new=SHARES)
def test_a_recipient_moves_only_to_where_the_share_has_grown_against_the_one_it_leaves(
    split, old, new
):
    before, after = split(old), split(new)
    weights = [{**shares, None: 100 - sum(shares.values())} for shares in (old, new)]
    for recipient in RECIPIENTS[:200]:
        left, entered = before(recipient), after(recipient)
        if left != entered:
            was, now = ((each.get(entered, 0), each.get(left, 0)) for each in weights)
            assert now[0] * was[1] > was[0] * now[1]


@pytest.mark.parametrize(
    "recipient", ["", "no-domain", '"a@b"@example.net', "ü@ü.example", "\ud800"]
)
def test_no_recipient_is_too_odd_to_be_given_one(split, recipient):
    assert split({"a": 50, "b": 50})(recipient) in ("a", "b")


@pytest.mark.parametrize("sendid", ["", "Spring-Sale", "\ud800"])
def test_other_campaigns_stay_where_they_are(chain, edited, sendid):
    chain(edited("split_virtualmtas")).assert_decision({"action": "normal"}, sendid=sendid)


@pytest.mark.parametrize("shares", [{"a": 60, "b": 41}, {"a": -1}, {"a": 101}])
def test_percentages_that_can_not_be_are_a_load_error(chain, edited, shares):
    policy = chain(edited("split_virtualmtas", SHARES=repr({"x": shares})), broken=True)
    assert "SHARES of x: none may be negative, and all add up to 100 at most" in policy.problem


@pytest.mark.parametrize("share", [0.1, 1 / 3 * 100, 33.34])
def test_percentages_with_a_fraction_may_add_up_to_100(split, share):
    assert split({"a": share, "b": 50 - share, "c": 50})("jane@example.net") in ("a", "b", "c")
