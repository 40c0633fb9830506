"""What an attempt and a load cost, counted rather than timed."""

from __future__ import annotations

import gc
import sys
from collections import Counter
from typing import ClassVar

import pytest
from hookframe_routing import Routing
from hookframe_routing.conditions import Patterns

pytestmark = pytest.mark.slow


class Counted(str):
    """A string that counts how often it is compared or hashed."""

    __slots__ = ()
    work: ClassVar[Counter[str]] = Counter()

    def __hash__(self):
        Counted.work["hashed"] += 1
        return str.__hash__(self)

    def __eq__(self, other):
        Counted.work["compared"] += 1
        return str.__eq__(self, other)

    def __ne__(self, other):
        return not self == other


class CountedAttempt(dict):
    """An attempt that counts how often a key of it is read."""

    def __getitem__(self, key):
        Counted.work["read"] += 1
        return dict.__getitem__(self, key)


def by_one_key(number):
    return {"match": {"recipient": f"r{number}@example.com"}}


def by_two_keys_of_which_neither_is_selective(number):
    return {"match": {"mtaid": f"m{number % 100}", "sendid": f"s{number // 100}"}}


def by_lists(number):
    names = [f"r{number}-{one}@example.com" for one in range(3)]
    return {"match": {"recipient": names, "mtaid": ["m1", "m2"]}}


def by_a_pattern_too(number):
    return {"match": {"recipient": f"r{number}@example.com", "sendid": {"glob": "s*"}}}


KINDS = [by_one_key, by_two_keys_of_which_neither_is_selective, by_lists, by_a_pattern_too]


def work(kind, rules, **attempt):
    plugin = Routing()
    plugin.configure({"rule": [{**kind(number), "new_mtaid": number} for number in range(rules)]})
    counted = {key: Counted(value) for key, value in attempt.items()}
    Counted.work.clear()
    decision = plugin.pre_delivery_attempt(CountedAttempt(counted))
    return decision and decision["new_mtaid"], dict(Counted.work)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("hit", [True, False])
def test_an_attempt_costs_as_many_steps_with_10000_exact_rules_as_with_ten(kind, hit):
    recipient = {by_lists: "r7-1@example.com"}.get(kind, "r7@example.com")
    attempt = {"recipient": recipient, "mtaid": "m1", "sendid": "s0"}
    if kind is by_two_keys_of_which_neither_is_selective:
        attempt["mtaid"] = "m7"
    if not hit:
        attempt = {key: f"no {value}" for key, value in attempt.items()}
    few, steps_of_few = work(kind, 10, **attempt)
    many, steps_of_many = work(kind, 10_000, **attempt)
    assert few == many == ("7" if hit else None)
    assert steps_of_many == steps_of_few


class Tried(str):
    """A value that counts how many patterns are tried on it."""

    __slots__ = ()
    times = 0

    def endswith(self, *given):
        Tried.times += 1
        return str.endswith(self, *given)


def a_glob(number):
    return {"listid": {"glob": f"*{number}!"}}


def a_glob_of_the_middle(number):
    return {"listid": {"glob": f"*{number}!*"}}


def with_patterns(pattern, exact, patterns):
    """Exact rules, patterns behind them, and a rule for the rest."""
    kind = by_two_keys_of_which_neither_is_selective
    before = [{**kind(number), "new_mtaid": number} for number in range(exact)]
    tried = [{"match": pattern(number), "dump": True} for number in range(patterns)]
    plugin = Routing()
    plugin.configure({"rule": [*before, *tried, {"new_mtaid": "the rest"}]})
    return plugin


def patterns_tried(plugin, **attempt):
    Tried.times = 0
    decision = plugin.pre_delivery_attempt({"listid": Tried("l"), **attempt})
    return decision["new_mtaid"], Tried.times


NOWHERE = {"mtaid": "none", "sendid": "none"}


def test_200_globs_of_one_key_are_one_question_for_an_attempt_that_none_of_them_matches():
    few, many = with_patterns(a_glob, 10, 1), with_patterns(a_glob, 10_000, 200)
    assert patterns_tried(few, **NOWHERE) == patterns_tried(many, **NOWHERE) == ("the rest", 1)


def test_200_other_patterns_are_as_many_trials_behind_10000_exact_rules_as_behind_ten(monkeypatch):
    trials = []
    holds = Patterns.holds
    monkeypatch.setattr(Patterns, "holds", lambda self, fact: trials.append(1) or holds(self, fact))

    def tried(exact):
        plugin = with_patterns(a_glob_of_the_middle, exact, 200)
        trials.clear()
        return patterns_tried(plugin, **NOWHERE)[0], len(trials)

    assert tried(10) == tried(10_000) == ("the rest", 200)


@pytest.mark.parametrize("pattern", [a_glob, a_glob_of_the_middle])
def test_200_patterns_cost_nothing_where_an_exact_rule_before_them_matches(pattern, monkeypatch):
    plugin = with_patterns(pattern, 10_000, 200)
    monkeypatch.setattr(Patterns, "holds", None)
    assert patterns_tried(plugin, mtaid="m7", sendid="s99") == ("9907", 0)


def test_exact_rules_in_use_are_no_work_for_the_garbage_collector(tmp_path):
    def tracked(rules):
        file = tmp_path / f"{rules}.toml"
        file.write_text(
            "".join(
                f'[[rule]]\nmatch.mtaid = "m{number}"\nmatch.sendid = "s"\nnew_mtaid = {number}\n'
                for number in range(rules)
            )
        )
        plugin = Routing()
        plugin.configure({"file": str(file)})
        gc.collect()
        objects = len(gc.get_objects())
        assert plugin.pre_delivery_attempt({"mtaid": "m9", "sendid": "s"})["new_mtaid"] == "9"
        return objects

    tracked(10)  # whatever is made at the first time
    assert abs(tracked(3000) - tracked(10)) < 300


def test_a_match_spares_the_patterns_after_it():
    class Refused(str):
        __slots__ = ()

        def endswith(self, *_):
            raise AssertionError("a later pattern was tried")

    plugin = Routing()
    late = [{"match": {"sendid": {"glob": f"*{n}"}}, "dump": True} for n in range(9)]
    plugin.configure({"rule": [{"match": {"mtaid": "m"}, "new_mtaid": "hit"}, *late]})
    attempt = {"mtaid": "m", "sendid": Refused("s")}
    assert plugin.pre_delivery_attempt(attempt)["new_mtaid"] == "hit"


@pytest.mark.parametrize("kind", KINDS)
def test_loading_four_times_as_many_exact_rules_takes_about_four_times_as_many_calls(kind):
    def calls(rules):
        given = [{**kind(number), "dump": True} for number in range(rules)]
        counted = Counter()
        before = sys.getprofile()
        sys.setprofile(lambda _frame, event, _arg: counted.update([event]))
        try:
            Routing().configure({"rule": given})
        finally:
            sys.setprofile(before)
        return counted["call"] + counted["c_call"]

    assert calls(2000) < 4.5 * calls(500)
