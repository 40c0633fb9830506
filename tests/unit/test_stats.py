"""`hookframe.chain.stats`: what is counted, how sums are made, and what a host counts."""

from __future__ import annotations

import copy
import json
from math import ceil
from unittest.mock import patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookframe.api.events import DEADLINE, EXCEPTION, INVALID_RETURN, KINDS, LOAD_ERROR, MALFORMED
from hookframe.chain.stats import Statistics, find_bucket, make_empty_counts, merge, percentiles

from ..helpers.attempts import ATTEMPT, TEMPFAIL, attempt
from ..helpers.site import hook, policy

DUMP = "return {'action': 'dump'}"
PAUSE = "return {'action': 'pause'}"
ROUTE = "return {'action': 'new_mtaid', 'new_mtaid': 'p'}"
RAISE = "raise ValueError('no list')"
RELATIVE_ERROR = 1 / 31
TIMES = st.integers(0, (1 << 42) - 1)
NAMES = st.sampled_from(["a", "b", "c"])
EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("count_decision"), st.sampled_from(["dump", "pause"])),
        st.tuples(st.just("count_temporary_failure"), st.sampled_from(KINDS)),
        st.tuples(st.just("count_vote"), NAMES, st.sampled_from(["dump", "new_mtaid"])),
        st.tuples(st.just("count_error"), NAMES, st.just("it failed")),
        st.tuples(st.just("record_time"), NAMES, st.integers(0, 10**6)),
    ),
    max_size=40,
)


def counted(*events):
    """Count events at one moment; return the snapshot."""
    statistics = Statistics()
    with patch("hookframe.chain.stats.time", lambda: 1.0):
        for method, *arguments in events:
            getattr(statistics, method)(*arguments)
    return statistics.snapshot()


def latency_of(*nanoseconds):
    """Give the latency of a plugin whose calls took so long."""
    events = [("record_time", "a", each / 1000) for each in nanoseconds]
    return counted(*events)["plugins"]["a"]["latency"]


# Counting, and adding up


def test_nothing_counted_is_an_empty_snapshot():
    assert counted() == {"decisions": {}, "temporary_failures": {}, "plugins": {}}
    assert counted() == merge(())


def test_each_event_is_counted_where_it_belongs():
    counts = counted(
        ("count_decision", "dump"),
        ("count_decision", "dump"),
        ("count_temporary_failure", MALFORMED),
        ("count_vote", "a", "dump"),
        ("count_vote", "a", "pause"),
        ("count_vote", "b", "pause"),
        ("count_error", "b", "first"),
        ("count_error", "b", "second"),
    )
    assert counts["decisions"] == {"dump": 2}
    assert counts["temporary_failures"] == {MALFORMED: 1}
    assert counts["plugins"]["a"]["votes"] == {"dump": 1, "pause": 1}
    assert (counts["plugins"]["a"]["errors"], counts["plugins"]["b"]["errors"]) == (0, 2)
    assert counts["plugins"]["a"]["last_error"] is None
    assert counts["plugins"]["b"]["last_error"]["text"] == "second"


def test_a_snapshot_does_not_change_when_counting_goes_on():
    statistics = Statistics()
    statistics.count_vote("a", "dump")
    before = statistics.snapshot()
    expected = copy.deepcopy(before)
    statistics.count_vote("a", "dump")
    statistics.record_time("a", 1.0)
    assert before == expected


@given(EVENTS)
def test_a_snapshot_survives_json(events):
    assert json.loads(json.dumps(counted(*events))) == counted(*events)


@given(st.lists(EVENTS, max_size=4))
def test_the_sum_of_several_hosts_is_what_one_would_have_counted(hosts):
    snapshots = [counted(*events) for events in hosts]
    before = copy.deepcopy(snapshots)
    assert merge(snapshots) == counted(*(event for events in hosts for event in events))
    assert snapshots == before


@given(EVENTS, EVENTS, EVENTS)
def test_sums_can_be_added_up_in_any_order(first, second, third):
    one, two, three = (counted(*events) for events in (first, second, third))
    assert merge((merge((one, two)), three)) == merge((three, merge((two, one))))


# Percentiles


def test_without_a_timed_call_there_are_no_percentiles():
    assert percentiles(make_empty_counts()["latency"]) is None


@given(st.lists(TIMES, min_size=1, max_size=200))
def test_percentiles_are_within_the_width_of_a_bucket_and_the_longest_is_exact(times):
    found = percentiles(latency_of(*times))
    ordered = sorted(times)
    for percent in (50, 90, 99):
        exact = ordered[ceil(len(times) * percent / 100) - 1] / 1000
        assert found[f"p{percent}"] == pytest.approx(exact, rel=RELATIVE_ERROR, abs=0.001)
    assert found["max"] == ordered[-1] / 1000
    assert found["samples"] == len(times)
    assert found["p50"] <= found["p90"] <= found["p99"] <= found["max"]


def test_times_of_one_length_have_that_percentile():
    found = percentiles(latency_of(*[5_000_000] * 7))
    assert found["max"] == 5000.0
    assert found["p50"] == found["p99"] == pytest.approx(5000, rel=RELATIVE_ERROR)


@given(TIMES, TIMES)
def test_a_longer_time_is_in_no_lower_bucket(one, other):
    shorter, longer = sorted((one, other))
    assert find_bucket(shorter) <= find_bucket(longer)


@given(st.integers(-(10**30), 10**30))
def test_there_are_few_buckets_whatever_the_clock_says(time):
    assert 0 <= find_bucket(time) < 640


# What a host counts


@pytest.fixture
def host(site, fake_plugins):
    """Start a host whose chain are the given fake plugins with their tables."""
    return lambda **plugins: site.host(policy(list(plugins), plugins=plugins))


def plugins_of(host):
    return host.statistics.snapshot()["plugins"]


def samples_of(host):
    """Give how many calls of each plugin were timed."""
    found = {name: percentiles(each["latency"]) for name, each in plugins_of(host).items()}
    return {name: each["samples"] for name, each in found.items() if each}


@pytest.mark.parametrize("ask", ["decide", "explain"])
def test_an_attempt_about_which_nobody_has_anything_to_say_is_counted_as_normal(ask, site):
    host = site.file_host(hook("return None"))
    for expected in (1, 2):
        getattr(host, ask)(ATTEMPT)
        assert host.statistics.snapshot()["decisions"] == {"normal": expected}


def test_every_attempt_is_counted_once_by_its_outcome(site):
    body = "if attempt['sendid'] == 'fail': raise ValueError\nreturn state['votes'].pop(0)"
    host = site.file_host(hook(body))
    other = {"action": "normal", "deliver_as_if_to_domain": "a.example"}
    votes = [None, {"action": "normal"}, other, {"action": "dump"}, {"action": "pause"}, None]
    host.generation.state["votes"] = votes
    for number in range(6):
        host.decide(ATTEMPT)
        host.decide(attempt(sendid="fail"))
        if number % 2:
            host.decide({})
    counts = host.statistics.snapshot()
    assert counts["decisions"] == {"normal": 4, "dump": 1, "pause": 1}
    assert counts["temporary_failures"] == {EXCEPTION: 6, MALFORMED: 3}


def test_votes_are_counted_by_plugin_and_decisions_once(site, fake_plugins):
    host = site.host(policy(["a", "b"], plugins={"a": {"code": PAUSE}, "b": {"code": DUMP}}))
    for _ in range(7):
        host.decide(ATTEMPT)
    assert host.statistics.snapshot()["decisions"] == {"dump": 7}
    assert plugins_of(host)["a"]["votes"] == {"pause": 7}
    assert plugins_of(host)["b"]["votes"] == {"dump": 7}


def test_a_decision_is_counted_alike_whether_it_is_explained_or_not(site):
    host = site.file_host(hook(DUMP))
    host.decide(ATTEMPT)
    host.explain(ATTEMPT)
    assert host.statistics.snapshot()["decisions"] == {"dump": 2}
    assert plugins_of(host)["file"]["votes"] == {"dump": 2}


def test_the_votes_of_a_shadow_and_of_a_wrapper_are_counted_too(site, fake_plugins):
    host = site.host(
        policy(
            ["a", "outer"],
            plugins={
                "a": {"code": ROUTE, "mode": "shadow"},
                "outer": {"code": "yield\nreturn {'action': 'dump'}"},
            },
        )
    )
    host.decide(ATTEMPT)
    assert host.statistics.snapshot()["decisions"] == {"dump": 1}
    assert plugins_of(host)["a"]["votes"] == {"new_mtaid": 1}
    assert plugins_of(host)["outer"]["votes"] == {"dump": 1}


def test_a_wrapper_that_leaves_the_decision_alone_has_not_voted(site, fake_plugins):
    host = site.host(policy(["a", "outer"], plugins={"a": {"code": DUMP}, "outer": {}}))
    host.decide(ATTEMPT)
    assert "outer" not in plugins_of(host)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (RAISE, EXCEPTION),
        ("raise SystemExit", EXCEPTION),
        ("return {'action': 'paus'}", INVALID_RETURN),
        ("return 7", INVALID_RETURN),
    ],
)
def test_an_error_is_counted_with_its_plugin_and_by_its_kind(code, kind, host):
    failing = host(a={"code": code})
    for _ in range(3):
        assert failing.decide(ATTEMPT) == TEMPFAIL
    assert failing.statistics.snapshot()["temporary_failures"] == {kind: 3}
    assert failing.statistics.snapshot()["decisions"] == {}
    assert plugins_of(failing)["a"]["errors"] == 3


def test_a_deadline_that_is_exceeded_is_a_kind_of_its_own(site):
    code = hook("import time\nfor _ in range(50): time.sleep(0.001)")
    host = site.file_host(code, plugins={"file": {"deadline": "5ms"}})
    assert host.decide(ATTEMPT) == TEMPFAIL
    assert host.statistics.snapshot()["temporary_failures"] == {DEADLINE: 1}
    assert plugins_of(host)["file"]["errors"] == 1


def test_an_error_that_is_skipped_is_the_plugins_and_no_temporary_failure(site, fake_plugins):
    skipping = {"a": {"code": RAISE, "on_error": "skip"}, "b": {"code": DUMP}}
    host = site.host(policy(["a", "b"], plugins=skipping))
    host.decide(ATTEMPT)
    assert host.statistics.snapshot()["temporary_failures"] == {}
    assert host.statistics.snapshot()["decisions"] == {"dump": 1}
    assert plugins_of(host)["a"]["errors"] == 1


def test_an_error_of_an_observer_is_its_plugins_and_the_decision_counts(host):
    observing = host(a={"code": DUMP, "decided": RAISE})
    observing.decide(ATTEMPT)
    assert observing.statistics.snapshot()["decisions"] == {"dump": 1}
    assert plugins_of(observing)["a"]["errors"] == 1


def test_what_is_no_attempt_is_counted_as_malformed(site):
    host = site.file_host(hook(DUMP))
    host.decide({})
    host.explain(attempt(injtime="soon"))
    host.refuse("nothing that can be read")
    assert host.statistics.snapshot()["temporary_failures"] == {MALFORMED: 3}


def test_an_attempt_under_a_broken_policy_is_counted_as_that(site):
    host = site.file_host("def pre_delivery_attempt(attempt:\n")
    host.decide(ATTEMPT)
    host.decide(ATTEMPT)
    assert host.statistics.snapshot()["temporary_failures"] == {LOAD_ERROR: 2}


def test_counts_survive_a_new_generation_and_a_plugin_that_leaves_the_chain(site, fake_plugins):
    host = site.host(policy(["a", "b"], plugins={"a": {"code": PAUSE}, "b": {"code": DUMP}}))
    host.decide(ATTEMPT)
    site.configure(policy(["b"], plugins={"b": {"code": DUMP}}))
    host.reload()
    host.decide(ATTEMPT)
    assert host.statistics.snapshot()["decisions"] == {"dump": 2}
    assert plugins_of(host)["a"]["votes"] == {"pause": 1}
    assert plugins_of(host)["b"]["votes"] == {"dump": 2}


# How long plugins take


def test_no_attempt_is_timed_unless_somebody_asks_for_it(site):
    host = site.file_host(hook(DUMP))
    for _ in range(10):
        host.decide(ATTEMPT)
    assert samples_of(host) == {}


def test_asked_for_a_sample_the_host_times_the_next_attempt_and_no_other(site):
    host = site.file_host(hook(DUMP))
    for expected in (1, 2):
        host.sample_next()
        assert samples_of(host) == ({"file": expected - 1} if expected > 1 else {})
        decisions = [host.decide(ATTEMPT) for _ in range(5)]
        assert decisions == [{"action": "dump"}] * 5
        assert samples_of(host) == {"file": expected}
    assert host.statistics.snapshot()["decisions"] == {"dump": 10}


def test_an_attempt_that_is_explained_is_timed_too(site):
    host = site.file_host(hook("return None"))
    [vote] = host.explain(ATTEMPT).trace
    found = percentiles(plugins_of(host)["file"]["latency"])
    assert found["samples"] == 1
    assert found["max"] == pytest.approx(vote["microseconds"], abs=0.001)


def test_a_sample_that_is_asked_for_under_a_broken_policy_harms_nothing(site):
    host = site.file_host("def pre_delivery_attempt(attempt:\n")
    host.sample_next()
    assert host.decide(ATTEMPT) == TEMPFAIL
    site.save(hook(DUMP))
    host.reload()
    assert host.decide(ATTEMPT) == {"action": "dump"}
    assert samples_of(host) == {}


def test_a_new_generation_is_sampled_like_the_one_before(site):
    host = site.file_host(hook(DUMP))
    host.reload()
    host.sample_next()
    host.decide(ATTEMPT)
    assert samples_of(host) == {"file": 1}


def test_an_attempt_that_is_observed_is_timed_only_as_a_sample(host):
    observed = host(a={"code": "return None"}, b={"code": DUMP})
    for _ in range(5):
        observed.decide(ATTEMPT)
    assert samples_of(observed) == {}
    observed.sample_next()
    observed.decide(ATTEMPT)
    assert samples_of(observed) == {"a": 1, "b": 1}


# The last load error


def test_the_last_load_error_is_remembered_when_the_policy_is_mended(site):
    host = site.file_host(hook(DUMP))
    assert host.last_load_error is None
    site.save("def pre_delivery_attempt(attempt:\n")
    host.reload()
    text, at = host.last_load_error
    assert "SyntaxError" in text
    assert text == host.problem
    site.save(hook(DUMP))
    host.reload()
    assert host.problem == ""
    assert host.last_load_error == (text, at)
