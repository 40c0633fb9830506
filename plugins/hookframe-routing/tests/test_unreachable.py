"""Rules that earlier ones leave nothing for."""

from __future__ import annotations

import tomllib

import pytest
from hookframe_routing import Routing, RoutingError


def unreachable(rules):
    """Name, by number, each refused rule with what is said about it."""
    plugin = Routing()
    given = [{"dump": True, "match": tomllib.loads(rule)} for rule in rules]
    try:
        plugin.configure({"rule": given, "extra_keys": ["size"]})
    except RoutingError as error:
        return {problem.rule: problem.text for problem in error.problems}
    return {}


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ("", 'sendid = "a"'),
        ("", ""),
        ('sendid = "a"', 'sendid = "a"'),
        ('sendid = ["a", "b"]', 'sendid = "b"'),
        ('sendid = ["a", "b", "c"]', 'sendid = ["c", "a"]'),
        ('sendid = "a"', 'sendid = "a"\nmtaid = "m"'),
        ('sendid = "a"', 'sendid = "a"\nmtaid.glob = "m*"'),
        ('sendid = ["a", "b"]\nmtaid = ["m", "n"]', 'sendid = "a"\nmtaid = ["n", "m"]'),
        ('sendid.glob = "a*"', 'sendid = ["ab", "ac"]'),
        ('sendid.regex = "a."', 'sendid = ["ab", "ac"]\nmtaid = "m"'),
        ('sendid.glob = "a*"', 'sendid.glob = "a*"'),
        ('sendid.glob = ["a*", "b*"]', 'sendid.glob = "b*"'),
        ('sendid.regex = "a"', 'sendid.regex = "a"\nis_first_attempt = true'),
        ('sendid.glob = "*"', 'mtaid = "m"'),
        ('sendid.regex = ".*"', ""),
        ("is_first_attempt = [true, false]", 'mtaid = "m"'),
        ('recipient_domain = "A.example"', 'recipient_domain = "a.EXAMPLE."'),
        ('recipient_domain.glob = "*.A.example"', 'recipient_domain = "b.a.example"'),
        ('sendid = "a"\nmtaid.glob = "m*"', 'sendid = "a"\nmtaid = "m1"\nlistid = "l"'),
        ("size = 1", "size = 1"),
    ],
)
def test_a_rule_is_refused_if_an_earlier_one_matches_all_that_it_matches(earlier, later):
    assert unreachable([earlier, later]) == {
        2: "rule 1 matches all that this rule matches, so it is never reached; expected it above "
        "rule 1, or not at all"
    }


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ('sendid = "a"', ""),
        ('sendid = "a"', 'sendid = "b"'),
        ('sendid = "a"', 'sendid = ["a", "b"]'),
        ('sendid = "a"\nmtaid = "m"', 'sendid = "a"'),
        ('sendid.glob = "a*"', 'sendid = ["ab", "b"]'),
        ('sendid.glob = "a*"', 'sendid.glob = ["a*", "b*"]'),
        ('sendid.glob = "a.b"', 'sendid.regex = "a.b"'),
        ('sendid = "a"', 'sendid.glob = "a"'),
        ("size = 1", "size = true"),
        ('size.glob = "*"', ""),
        ('size.glob = "*"', "size = 1"),
        ("size = [true, false]", ""),
        ("is_first_attempt = true", ""),
        ('sendid = ["a", "b"]\nmtaid = ["m", "n"]', 'sendid = "a"\nmtaid = ["n", "o"]'),
    ],
)
def test_a_rule_is_kept_if_an_attempt_may_reach_it(earlier, later):
    assert unreachable([earlier, later]) == {}


def test_a_list_is_refused_if_earlier_rules_together_take_all_its_values():
    assert unreachable(
        ['sendid = "a"', 'sendid.glob = "b*"', 'sendid = "c"', 'sendid = ["a", "b1", "c"]']
    ) == {
        4: "rule 1, rule 2, rule 3 together match all that this rule matches, so it is never "
        "reached; expected it above rule 1, or not at all"
    }


def test_of_many_rules_that_take_a_list_together_three_are_named():
    rules = [f'sendid = "{letter}"' for letter in "abcde"]
    text = unreachable([*rules, 'sendid = ["a", "b", "c", "d", "e"]'])[6]
    assert text.startswith("rule 1, rule 2, rule 3 and 2 more together match all that ")


def test_a_list_with_one_value_left_is_kept():
    assert unreachable(['sendid = "a"', 'sendid = "b"', 'sendid = ["a", "b", "c"]']) == {}


def test_both_values_of_a_flag_together_leave_nothing():
    rules = ["is_first_attempt = true", "is_first_attempt = false", 'mtaid = "m"']
    assert list(unreachable(rules)) == [3]


def test_an_exception_takes_what_it_matches_like_any_rule():
    plugin = Routing()
    with pytest.raises(RoutingError, match="rule 1 matches all"):
        plugin.configure({"rule": [{"normal": True}, {"dump": True}]})


def test_every_unreachable_rule_is_reported():
    assert list(unreachable(["", 'sendid = "a"', 'mtaid = "b"'])) == [2, 3]
