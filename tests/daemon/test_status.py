"""How a daemon is: the document made of its processes' parts, and the request that asks for it."""

from __future__ import annotations

import os
import signal
import time

import pytest

from hookframe import __version__
from hookframe.api.attempt import encode_line
from hookframe.api.events import KINDS
from hookframe.chain.stats import Statistics
from hookframe.daemon.status import (
    add_past,
    build_document,
    build_lone_supervisor_part,
    decode,
    make_empty_past,
)
from hookframe.testing import eventually

from ..helpers.attempts import NORMAL, TEMPFAIL, attempt
from ..helpers.obedient_hook import OBEDIENT, said, saying
from ..helpers.requests import LIMIT, fields, line, padded

pytestmark = pytest.mark.slow

STATUS = {"hookframe": "status"}
MEMBER = {
    "plugin": "file",
    "distribution": "/etc/hook.py",
    "version": "",
    "mode": "enforce",
    "file": "/etc/hook.py",
}


def part(pid=2, attempts=0, counts=(), **more):
    """Make the part of a process that has counted these events."""
    statistics = Statistics()
    for method, *arguments in counts:
        getattr(statistics, method)(*arguments)
    return {
        "pid": pid,
        "started": 100.0,
        "memory": 1 << 20,
        "connections": 3,
        "generation": 1,
        "problem": "",
        "chain": [MEMBER],
        "last_load_error": None,
        "attempts": attempts,
        "counts": statistics.snapshot(),
        "recent": [],
        **more,
    }


def supervisor(roles, past=None, **more):
    """Make the part of the supervisor."""
    return {
        "pid": 1,
        "started": 50.0,
        "restarts": {"policy": 2, "death": 0},
        "roles": {str(pid): role for pid, role in roles.items()},
        "past": past or make_empty_past(),
        "generation": 1,
        "digest": "d1",
        "versions": {"a-plugin": "1.0"},
        "problem": "",
        "last_load_error": None,
        "notes": [],
        **more,
    }


def failed(text, at):
    return {"text": text, "at": at}


# The document


def test_a_process_without_a_supervisor_is_its_own_worker():
    made = build_document(build_lone_supervisor_part(part()), [part()], 160.0)
    assert (made["hookframe"], made["pid"], made["uptime"]) == (__version__, 2, 60.0)
    assert (made["restarts"], made["problem"], made["chain"]) == ({}, "", [MEMBER])
    [worker] = made["workers"]
    assert (worker["pid"], worker["role"], worker["uptime"]) == (2, "worker", 60.0)
    assert (worker["memory"], worker["connections"], worker["generation"]) == (1 << 20, 3, 1)


def test_decisions_are_counted_and_none_is_taken_for_normal_because_it_was_not():
    events = [
        ("count_decision", "dump"),
        ("count_decision", "dump"),
        ("count_decision", "normal"),
        ("count_temporary_failure", "malformed"),
    ]
    made = build_document(
        build_lone_supervisor_part(part()), [part(attempts=10, counts=events)], 160.0
    )
    assert made["attempts"] == 10
    assert {name: n for name, n in made["decisions"].items() if n} == {"normal": 1, "dump": 2}
    assert {name: n for name, n in made["temporary_failures"].items() if n} == {"malformed": 1}
    assert set(made["temporary_failures"]) == set(KINDS)


def test_the_figures_of_all_processes_and_of_the_dead_are_added_up():
    dump, error = ("count_decision", "dump"), ("count_error", "file", "it failed")
    past = add_past(make_empty_past(), part(pid=9, attempts=5, counts=[dump, error]))
    past = add_past(past, part(pid=8, attempts=7, counts=[dump, dump]), unaccounted=3)
    past = add_past(past, None, unaccounted=1)
    normal = ("count_decision", "normal")
    parts = [part(2, 10, [dump, error, normal]), part(3, 20, [dump, normal])]
    made = build_document(supervisor({2: "worker", 3: "leaving"}, past), parts, 160.0)
    assert made["attempts"] == 5 + 7 + 3 + 1 + 10 + 20
    assert made["unaccounted"] == 4
    assert made["decisions"]["dump"] == 5
    assert made["decisions"]["normal"] == 2
    assert made["plugins"]["file"]["errors"] == 2
    assert (made["pid"], made["uptime"], made["restarts"]["policy"]) == (1, 110.0, 2)


def test_a_process_that_has_no_role_any_more_counts_and_is_not_listed():
    made = build_document(supervisor({2: "worker"}), [part(2, 1), part(3, 2)], 160.0)
    assert made["attempts"] == 3
    assert [worker["pid"] for worker in made["workers"]] == [2]


def test_the_chain_and_the_problem_are_those_of_who_serves():
    standby = part(3, generation=7, problem="a standby's", chain=[])
    for parts in ([part(2), standby], [standby, part(2)]):
        made = build_document(supervisor({2: "worker", 3: "standby"}), parts, 160.0)
        assert (made["generation"], made["chain"], made["problem"]) == (1, [MEMBER], "")


def test_problems_that_several_workers_have_are_said_once():
    parts = [part(pid, problem="no such file", generation=None, chain=[]) for pid in (2, 3)]
    whole = supervisor({2: "worker", 3: "worker"}, generation=None)
    made = build_document(whole, parts, 160.0)
    assert made["problem"] == "no such file"
    assert (made["generation"], made["chain"]) == (None, [])


def test_that_nobody_serves_is_a_problem():
    made = build_document(supervisor({3: "standby"}), [part(3)], 160.0)
    assert made["problem"]


def test_what_the_supervisor_knows_of_the_policy_is_in_the_document():
    whole = supervisor(
        {2: "worker"}, problem="broken", last_load_error=failed("broken", 30.0), notes=["a note"]
    )
    made = build_document(whole, [part(2)], 160.0)
    assert (made["problem"], made["notes"]) == ("broken", ["a note"])
    assert made["last_load_error"] == failed("broken", 30.0)
    assert (made["digest"], made["versions"]) == ("d1", {"a-plugin": "1.0"})


def test_plugins_stand_in_the_order_of_the_chain_and_those_that_have_left_it_behind():
    chain = [{**MEMBER, "plugin": name} for name in ("z", "b")]
    votes = [
        ("count_vote", "gone", "dump"),
        ("count_vote", "b", "pause"),
        ("record_time", "b", 12.0),
    ]
    made = build_document(
        build_lone_supervisor_part(part()), [part(chain=chain, counts=votes)], 160.0
    )
    assert list(made["plugins"]) == ["z", "b", "gone"]
    assert made["plugins"]["z"] == {
        "votes": {},
        "errors": 0,
        "last_error": None,
        "agreements": 0,
        "differences": 0,
        "microseconds": None,
    }
    assert made["plugins"]["b"]["votes"] == {"pause": 1}
    assert made["plugins"]["b"]["microseconds"]["max"] == 12.0


def test_a_part_survives_its_way_over_the_board_whatever_is_in_it():
    odd = part(problem="can't open /etc/h\udcffk.py\n", counts=[("record_time", "\u2028", 3.0)])
    assert decode(encode_line(odd)) == odd
    assert encode_line(odd).count(b"\n") == 1


# The request


@pytest.fixture
def counting(fresh):
    """A daemon that nobody else asks."""
    daemon = fresh()
    daemon.write()
    return daemon.start()


def status_of(daemon, attempts):
    """Ask until so many attempts are counted."""
    return eventually(
        lambda: found if (found := daemon.ask(STATUS))["attempts"] == attempts else None
    )


def test_every_figure_is_what_was_asked_and_answered(counting):
    with counting.connect() as client:
        for number in range(20):
            assert client.ask(attempt()) == NORMAL, number
        for _ in range(7):
            client.ask(attempt(reply={"action": "dump"}))
        for _ in range(5):
            client.ask(saying("wait"))
        for _ in range(4):
            client.ask(attempt(reply={"action": "new_mtaid", "new_mtaid": "2"}))
        for _ in range(3):
            assert client.ask(attempt(returns="1 / 0")) == TEMPFAIL
        for _ in range(2):
            assert client.ask(attempt(reply={"action": "paus"})) == TEMPFAIL
        assert client.ask({}) == TEMPFAIL
        client.send(b"no json\n")
        assert client.answer() == TEMPFAIL
    counting.exchange(fields(), counting.exim)
    counting.ask(saying("wait"), counting.explain)
    found = status_of(counting, 20 + 7 + 5 + 4 + 3 + 2 + 2 + 1 + 1)
    assert found["decisions"] == {
        "normal": 21,
        "pause": 6,
        "dump": 7,
        "new_mtaid": 4,
        "new_config": 0,
    }
    failures = {kind: n for kind, n in found["temporary_failures"].items() if n}
    assert failures == {"exception": 3, "invalid_return": 2, "malformed": 2}
    assert found["unaccounted"] == 0
    assert found["plugins"]["file"]["votes"] == {"dump": 7, "pause": 6, "new_mtaid": 4}
    assert found["plugins"]["file"]["errors"] == 5
    assert (found["problem"], found["last_load_error"], found["generation"]) == ("", None, 1)
    [member] = found["chain"]
    assert (member["plugin"], member["mode"]) == ("file", "enforce")
    assert member["distribution"] == str(counting.hook_file)


def test_the_request_is_no_attempt_and_is_answered_in_its_order(counting):
    request = b' {\t"hookframe" : "status" } \r\n'
    with counting.connect() as client:
        client.send(line(saying(1)) + request + line(saying(2)) + request)
        answers = client.answers(4)
    assert [answers[0], answers[2]] == [said(1), said(2)]
    assert [each["attempts"] for each in (answers[1], answers[3])] == [1, 2]
    assert [each["decisions"]["pause"] for each in (answers[1], answers[3])] == [1, 2]
    assert "Invalid attempt" not in counting.output


def test_the_process_that_serves_is_listed_with_its_clients(counting):
    with counting.connect() as idle, counting.connect() as client:
        idle.ask(attempt())
        [worker] = [each for each in client.ask(STATUS)["workers"] if each["role"] == "worker"]
    assert worker["connections"] == 2
    assert worker["generation"] == 1
    assert worker["memory"] > 1 << 20
    assert worker["uptime"] >= 0


def test_each_worker_shows_the_policy_in_use_also_after_a_change_that_nobody_was_asked_since(fresh):
    daemon = fresh()
    daemon.write(OBEDIENT)
    daemon.start()
    daemon.save(daemon.configuration, f"workers = 4\n{daemon.configuration.read_text()}")
    daemon.wait_for("generation 2")

    with daemon.connect() as client:  # one of them is asked, and only that one

        def shown():
            workers = [each for each in client.ask(STATUS)["workers"] if each["role"] == "worker"]
            return len(workers) == 4 and {each["generation"] for each in workers} == {2}

        eventually(shown)


def test_a_request_that_is_too_long_is_counted_as_malformed(counting):
    counting.exchange(padded(LIMIT + 1) + b"\n")
    counting.exchange(padded(LIMIT + 1) + b"\n\n", counting.exim)
    found = status_of(counting, 2)
    assert found["temporary_failures"]["malformed"] == 2
    assert found["decisions"]["normal"] == 0


@pytest.mark.parametrize(
    "request_",
    [{"hookframe": "stats"}, {"hookframe": "status", "more": 1}, ["hookframe", "status"], "status"],
)
def test_what_only_looks_like_the_request_is_a_malformed_attempt(daemon, request_):
    assert daemon.ask(request_) == TEMPFAIL


def test_an_attempt_that_has_the_key_of_the_request_is_an_attempt(daemon):
    assert daemon.ask({**saying("wait"), **STATUS}) == said("wait")


def test_the_other_protocols_do_not_know_the_request(daemon):
    assert daemon.ask(STATUS, daemon.explain)["decision"] == TEMPFAIL
    answer = daemon.exchange(b"hookframe=c3RhdHVz\n\n", daemon.exim)
    assert answer.startswith(b'action="pause"')


def test_some_attempts_are_timed_and_the_times_are_those_of_the_hook(counting):
    def timed():
        counting.ask(attempt(seconds=0.01))
        return counting.ask(STATUS)["plugins"]["file"]["microseconds"]

    found = eventually(timed)
    assert found["samples"] >= 1
    assert 10_000 * 31 / 32 <= found["p50"] <= found["p90"] <= found["p99"] <= found["max"]


def test_a_policy_that_can_not_be_loaded_shows_and_is_remembered_when_it_is_mended(fresh):
    daemon = fresh()
    before = time.time()
    daemon.write(hook="def pre_delivery_attempt(attempt:\n")
    daemon.start()
    assert daemon.ask(attempt()) == TEMPFAIL
    found = status_of(daemon, 1)
    assert found["temporary_failures"]["load_error"] == 1
    assert (found["generation"], found["chain"]) == (None, [])
    assert "SyntaxError" in found["problem"]
    assert found["last_load_error"]["text"] == found["problem"]
    assert before - 1 <= found["last_load_error"]["at"] <= time.time() + 1
    daemon.save(daemon.hook_file, OBEDIENT)
    mended = eventually(lambda: each if not (each := daemon.ask(STATUS))["problem"] else None)
    assert mended["last_load_error"]["text"] == found["problem"]
    assert mended["generation"] is not None


def test_what_a_worker_was_asked_is_still_counted_when_it_has_died(counting):
    with counting.connect() as client:
        for _ in range(6):
            client.ask(attempt(reply={"action": "dump"}))
        before = client.ask(STATUS)
        [worker] = [each for each in before["workers"] if each["role"] == "worker"]
        os.kill(worker["pid"], signal.SIGKILL)
        client.rest()
    found = eventually(lambda: (each := counting.ask(STATUS))["restarts"]["death"] and each)
    assert found["restarts"]["death"] == 1
    assert found["pid"] == before["pid"]
    assert found["attempts"] >= 6
    accounted = sum(found["decisions"].values()) + sum(found["temporary_failures"].values())
    assert accounted + found["unaccounted"] == found["attempts"]
