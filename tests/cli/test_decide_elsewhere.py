"""`hookframe decide` at another time (`--now`), and by a running daemon (`--address`)."""

from __future__ import annotations

import json

import pytest

from hookframe.testing import Daemon, make_attempt

HOURS = """\
from datetime import datetime
from time import monotonic, time

STARTED = monotonic()

def pre_delivery_attempt(attempt):
    return {"action": "pause", "message": f"{datetime.now():%Y-%m-%d %H:%M} {time():.0f}"}
"""
POLICY = """\
def pre_delivery_attempt(attempt):
    if attempt["sendid"] == "bad":
        return 1 / 0
    return {"action": "dump", "message": attempt["recipient"], "reason": "always"}
"""


@pytest.fixture
def daemon():
    """A daemon that answers jsonl and explain."""
    running = Daemon()
    running.write(POLICY)
    running.start()
    yield running
    running.close()


def test_the_hook_sees_the_time_that_is_given(shell):
    shell.write("hook.py", HOURS)
    shell.environment["TZ"] = "Europe/Berlin"
    command = ["decide", "--hook-file", "hook.py", "sendid=x", "--now"]
    local = shell.run(*command, "2026-12-24T22:00")
    assert local.json["message"] == "2026-12-24 22:00 1798146000"
    assert shell.run(*command, "2026-12-24T21:00+00:00").json == local.json


def test_a_time_that_is_none_is_wrong_use_and_says_how_to_write_one(shell):
    shell.write("hook.py", HOURS)
    done = shell.run("decide", "--hook-file", "hook.py", "--now", "noon", "sendid=x")
    assert (done.status, done.out) == (2, "")
    assert "--now: 'noon' is not a time; write, for example, 2026-12-24T22:00" in done.err


def test_the_running_daemon_decides_and_no_policy_is_loaded_here(shell, daemon):
    shell.write("hookframe.toml", "this is not TOML")
    address = f"unix:{daemon.jsonl}"
    done = shell.run("decide", "--address", address, "recipient=jane@example.net")
    assert (done.status, done.err) == (0, "")
    assert done.json == {"action": "dump", "message": "jane@example.net"}


def test_a_stream_is_answered_line_by_line_and_an_error_is_exit_1(shell, daemon):
    good = json.dumps(make_attempt()).encode()
    address = f"unix:{daemon.jsonl}"
    done = shell.run("decide", "--address", address, stdin=good + b"\n\n" + good)
    assert (done.status, len(done.lines)) == (0, 2)
    done = shell.run("decide", "--address", address, stdin=good + b"\n[]\n")
    assert done.status == 1
    assert [line.get("error") for line in done.lines] == [None, True]


def test_an_error_of_the_daemons_policy_is_exit_1(shell, daemon):
    done = shell.run("decide", "--address", f"unix:{daemon.jsonl}", "sendid=bad")
    assert done.status == 1
    assert done.json["error"] is True


def test_explain_asks_an_explain_address(shell, daemon):
    done = shell.run("decide", "--explain", "--address", f"unix:{daemon.explain}", "sendid=x")
    assert done.status == 0
    assert done.json["decided_by"] == ["file"]
    assert done.json["trace"][0]["reason"] == "always"
    wrong = shell.run("decide", "--explain", "--address", f"unix:{daemon.jsonl}", "sendid=x")
    assert wrong.status == 1


def test_where_no_daemon_is_there_is_one_sentence_and_exit_1(shell, tmp_path):
    done = shell.run("decide", "--address", f"unix:{tmp_path}/none", "sendid=x")
    assert (done.status, done.out) == (1, "")
    assert f"no daemon answers at unix:{tmp_path}/none" in done.err


@pytest.mark.parametrize(
    "more", [["--hook-file", "hook.py"], ["--config", "x.toml"], ["--now", "2026-12-24"]]
)
def test_an_address_and_what_is_for_this_process_exclude_each_other(shell, more):
    done = shell.run("decide", "--address", "unix:/run/x", *more, "sendid=x")
    assert (done.status, done.out) == (2, "")
    assert "--address asks the policy and the clock of a daemon" in done.err
