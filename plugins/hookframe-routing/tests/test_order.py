"""For all tables: the index answers as a reading from top to bottom would."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

import pytest
from hookframe_routing import Routing, RoutingError
from hypothesis import given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.slow

SENDIDS = ["a", "ab", "b", "A", ""]
DOMAINS = ["x.example", "y.x.example", "y.example", "X.example", ""]
SIZES = [0, 1, True, False, "1", "a"]

GLOBS = ["*", "a*", "*b", "a?", "[ab]", "*.example", "*.x.example", "y*"]
REGEXES = [".*", "a|b", "a.*", "(y\\.)?x\\.example", ""]


def condition(values):
    patterns = st.one_of(
        st.sampled_from(GLOBS).map(lambda glob: {"glob": glob}),
        st.lists(st.sampled_from(GLOBS), min_size=1, max_size=3).map(lambda g: {"glob": g}),
        st.sampled_from(REGEXES).map(lambda regex: {"regex": regex}),
    )
    return st.one_of(exact(values), exact(values), patterns)


def exact(values):
    one = st.sampled_from(values)
    return st.one_of(one, st.lists(one, min_size=1, max_size=4))


MATCH = st.fixed_dictionaries(
    {},
    optional={
        "sendid": condition(SENDIDS),
        "mtaid": condition(SENDIDS),
        "recipient_domain": condition(DOMAINS),
        "is_first_attempt": exact([True, False]),
        "size": condition(SIZES),
    },
)
TABLES = st.lists(MATCH, min_size=1, max_size=12)
ATTEMPTS = st.lists(
    st.fixed_dictionaries(
        {
            "sendid": st.sampled_from(SENDIDS),
            "mtaid": st.sampled_from(SENDIDS),
            "recipient": st.sampled_from(DOMAINS).map(lambda d: f"joe@{d}" if d else "joe"),
            "is_first_attempt": st.booleans(),
        },
        optional={"size": st.sampled_from([*SIZES, None, 1.0, [1]])},
    ),
    min_size=1,
    max_size=30,
)


def holds(condition, value, *, is_domain):
    """Say what the README says about conditions, in the plainest way."""
    if isinstance(condition, dict):
        if not isinstance(value, str):
            return False
        if "regex" in condition:
            flags = re.DOTALL | (re.IGNORECASE if is_domain else 0)
            return re.fullmatch(condition["regex"], value, flags) is not None
        globs = condition["glob"]
        return any(fnmatchcase(value, g) for g in (globs if isinstance(globs, list) else [globs]))
    for one in condition if isinstance(condition, list) else [condition]:
        same = one.lower() if is_domain else one
        if type(same) is type(value) and same == value:
            return True
    return False


def from_top_to_bottom(table, attempt):
    """Number the first rule that matches, by asking each in turn."""
    facts = {**attempt, "recipient_domain": attempt["recipient"].partition("@")[2].lower()}
    for number, match in enumerate(table, 1):
        if all(
            key in facts and holds(one, facts[key], is_domain=key == "recipient_domain")
            for key, one in match.items()
        ):
            return number
    return None


def as_set(condition):
    return set(condition if isinstance(condition, list) else [condition])


def configured(rules):
    plugin = Routing()
    plugin.configure({"rule": rules, "extra_keys": ["size"]})
    return plugin


def unreachable(rules):
    """Number the rules that are refused as unreachable; nothing else is wrong with them."""
    try:
        configured(rules)
    except RoutingError as error:
        problems = error.problems
    else:
        problems = ()
    assert all("never reached" in problem.text for problem in problems)
    return {problem.rule for problem in problems}


@settings(max_examples=400, deadline=None)
@given(TABLES, ATTEMPTS)
def test_the_answer_is_that_of_a_reading_from_top_to_bottom_and_never_a_refused_rule(
    attempt, table, attempts
):
    # A refused rule must be one that never answers, so leaving all of them out changes nothing.
    rules = [{"match": match, "new_mtaid": number} for number, match in enumerate(table, 1)]
    refused = unreachable(rules)
    plugin = configured([rule for rule in rules if rule["new_mtaid"] not in refused])
    for changes in attempts:
        decision = plugin.pre_delivery_attempt(attempt(**changes))
        expected = from_top_to_bottom(table, changes)
        assert (decision and decision["new_mtaid"]) == (expected and str(expected))


LISTS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "sendid": exact(SENDIDS),
            "mtaid": exact(SENDIDS),
            "is_first_attempt": exact([True, False]),
        },
    ),
    min_size=2,
    max_size=8,
)


@settings(max_examples=300, deadline=None)
@given(LISTS)
def test_of_exact_rules_every_one_that_an_earlier_one_covers_is_refused(table):
    refused = unreachable([{"match": match, "dump": True} for match in table])
    # A rule without a condition on a string key matches a value that no rule names, too.
    everything = {
        "sendid": {*SENDIDS, "another"},
        "mtaid": {*SENDIDS, "another"},
        "is_first_attempt": {True, False},
    }

    def matched(match):
        return {
            key: as_set(match[key]) if key in match else whole for key, whole in everything.items()
        }

    sets = [matched(match) for match in table]
    for number, mine in enumerate(sets, 1):
        for theirs in sets[: number - 1]:
            if all(mine[key] <= theirs[key] for key in everything):
                assert number in refused
