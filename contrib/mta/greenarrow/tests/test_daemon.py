"""A daemon of hookframe's decides, and GreenArrow gets to know it."""

from __future__ import annotations

import errno
import json
import os
import signal
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .host import ERROR, NORMAL, OBEDIENT, SHORT, TEMPFAIL, attempt

TEXTS = ("mtaid", "sendid", "listid", "msguid", "sender", "recipient")
DECISIONS = [
    {"action": "normal"},
    {"action": "normal", "deliver_as_if_to_domain": "other.example"},
    {"action": "pause"},
    {"action": "pause", "message": "Not now. (#4.7.1)"},
    {"action": "dump"},
    {"action": "dump", "message": 'Blocked by "policy" \\ for good. (#5.7.1)'},
    {"action": "new_mtaid", "new_mtaid": "priority"},
    {"action": "new_mtaid", "new_mtaid": "7", "deliver_as_if_to_domain": "other.example"},
    {"action": "new_config", "new_sender": "bounces@sender.example"},
    {"action": "new_config", "new_sender": ""},
    {"action": "new_config", "new_sender": "a@b.example", "new_mtaid": "priority"},
]
BYTES = {
    "ascii": b"jane@example.net",
    "empty": b"",
    "latin-1": b"j\xfcrgen@example.net",
    "utf-8": "jürgen☃@exämple.net".encode(),
    "beyond the basic plane": "😀@example.net".encode(),
    "half of a surrogate pair": b"\xed\xa0\x80@example.net",
    "cut utf-8": b"\xe2\x98@example.net",
    "quotes": b'"jane \\" doe"@example.net',
    "backslashes": rb"\u0041\x41\\@example.net",
    "lines": b"jane\r\n\n@example.net\n",
    "controls": bytes(range(32)) + b"\x7f@example.net",
    "looks like json": b'","action":"dump","x":{"',
    "looks like perl": b"$state @{[ die ]} %s",
    "every byte": bytes(range(1, 246)),
}
SLOW_AND_FAST = """
import pathlib
import time

def pre_delivery_attempt(attempt):
    if attempt["sendid"] == "slow":
        print("has begun")
        while not pathlib.Path(attempt["until"]).exists():
            time.sleep(0.01)
    return {"action": "dump", "message": attempt["recipient"]}
"""
KILLS_ITS_WORKER_ONCE = """
import os
import pathlib


def pre_delivery_attempt():
    mark = pathlib.Path(__file__).with_name("mark")
    if not mark.exists():
        mark.touch()
        os._exit(1)
    return {"action": "dump", "message": "again"}
"""
KILLS_ITS_WORKER = """
import os
import signal

def pre_delivery_attempt(attempt):
    os.kill(os.getpid(), signal.SIGKILL)
"""
SENDER = """
def pre_delivery_attempt(attempt):
    return {"action": "new_config", "new_sender": "new@sender.example"}
"""
DOMAIN = """
chain = ["routing", "file"]
[[plugins.routing.settings.rule]]
match.sendid = "newsletter"
deliver_as_if_to_domain = "other.example"
"""


def replying(decision, **more):
    """An attempt that the daemon of these tests decides so."""
    return attempt(reply=json.dumps(decision), **more)


def saying(number, to="somebody"):
    """An attempt, and its decision, which no other attempt gets."""
    decision = {"action": "dump", "message": f"{to} {number}"}
    return replying(decision), decision


@pytest.mark.parametrize("decision", DECISIONS, ids=str)
def test_each_decision_arrives_as_it_was_made(asking, decision):
    (outcome,) = asking.calls([replying(decision)])
    # A new_config with a VirtualMTA only means the same as a new_mtaid; hookframe says the latter.
    assert outcome["decision"] == decision
    assert (outcome["error"], outcome["kept"], outcome["deaths"]) == ("", 1, 0)


def test_no_decision_at_all_is_normal(asking):
    assert asking.call()["decision"] == NORMAL


@pytest.mark.parametrize("key", TEXTS)
@pytest.mark.parametrize("value", BYTES.values(), ids=BYTES)
def test_a_value_reaches_the_hook_byte_for_byte(asking, key, value):
    assert asking.call(**{key: value}, show=key)["decision"]["message"] == value.hex()


@settings(max_examples=60, deadline=None)
@given(values=st.fixed_dictionaries({key: st.binary(max_size=80) for key in TEXTS}))
def test_all_values_reach_the_hook_whatever_bytes_they_hold(asking, values):
    outcomes = asking.calls([attempt(**values, show=key) for key in TEXTS])
    assert [each["decision"]["message"] for each in outcomes] == [
        values[key].hex() for key in TEXTS
    ]


def test_a_value_that_perl_holds_as_characters_reaches_the_hook_as_utf_8(asking):
    shown = asking.call(recipient="jürgen☃@example.net", show="recipient")["decision"]["message"]
    assert bytes.fromhex(shown).decode() == "jürgen☃@example.net"


@pytest.mark.parametrize("text", ["grün", "☃ \\ \" '", "😀", "tab-free", "x" * 500, "ü" * 500])
def test_a_text_comes_back_as_utf_8_bytes(asking, text):
    (outcome,) = asking.calls([replying({"action": "pause", "message": text})])
    assert outcome["decision"]["message"].encode("latin-1").decode("utf-8") == text


def test_every_key_has_its_type_however_perl_holds_it(asking):
    kinds = "dict(zip(attempt, map(repr, map(type, attempt.values()))))"
    returns = f"{{'action': 'dump', 'message': str({kinds})}}"
    types = {
        **dict.fromkeys((*TEXTS, "returns"), repr(str)),
        "injtime": repr(int),
        "is_first_attempt": repr(bool),
        "mtaid_exists": repr(bool),
    }
    numbers = dict.fromkeys((*TEXTS, "injtime"), 5)
    strings = {"injtime": "1718000000", "is_first_attempt": "1", "mtaid_exists": "0"}
    for values in ({}, numbers, strings):
        message = asking.call(**values, returns=returns)["decision"]["message"]
        assert eval(message) == types


@pytest.mark.parametrize(
    ("perl", "python"),
    [(1, True), (0, False), ("1", True), ("0", False), ("", False), (None, False)],
)
@pytest.mark.parametrize("key", ["is_first_attempt", "mtaid_exists"])
def test_a_flag_is_true_where_perl_says_so(asking, key, perl, python):
    returns = f"{{'action': 'dump', 'message': str(attempt[{key!r}])}}"
    assert asking.call(**{key: perl}, returns=returns)["decision"]["message"] == str(python)


@pytest.mark.parametrize("key", TEXTS)
def test_an_undefined_value_is_an_empty_one(asking, key):
    assert asking.call(**{key: None}, show=key)["decision"] == {"action": "dump", "message": ""}


@pytest.mark.parametrize("injtime", ["", "soon", "1718000000.5", "0x10", "010"])
def test_a_time_that_is_none_is_left_for_hookframe_to_complain_of(asking, daemon, injtime):
    msguid = f"injtime-{injtime}"
    assert asking.call(injtime=injtime, msguid=msguid)["decision"] == TEMPFAIL
    assert "injtime must be" in daemon.wait_for(f"msguid=[{msguid}]")


def test_a_missing_key_is_left_for_hookframe_to_complain_of(asking, daemon):
    asked = attempt(msguid="without-a-sender")
    del asked["sender"]
    (outcome,) = asking.calls([asked])
    assert outcome["decision"] == TEMPFAIL
    assert "sender is missing" in daemon.wait_for("msguid=[without-a-sender]")


def test_a_hook_that_fails_is_a_temporary_failure_that_says_whose_log_to_read(asking, daemon):
    outcome = asking.call(returns="1 / 0", msguid="failing")
    assert outcome["decision"] == TEMPFAIL
    assert outcome["error"] == (
        "Exception running pre_delivery_attempt_hook: hookframe: hookframe's policy failed; "
        "hookframe's log says why (search for the msguid)"
    )
    assert "ZeroDivisionError" in daemon.wait_for("msguid=[failing]")
    assert outcome["kept"] == 1, "the connection is whole"
    assert asking.log.count("error in pre_delivery_attempt_hook: msguid=[failing]") == 1


@pytest.mark.slow
def test_a_thousand_calls_get_each_its_own_answer(asking):
    attempts, decisions = zip(*map(saying, range(1000)), strict=True)
    assert [each["decision"] for each in asking.calls(attempts)] == list(decisions)


def test_tcp_does_as_well(daemon, host):
    asking = host("tcp:{}:{}".format(*daemon.port))
    attempts, decisions = zip(*map(saying, range(20)), strict=True)
    assert [each["decision"] for each in asking.calls(attempts)] == list(decisions)


@pytest.mark.slow
def test_a_parent_and_its_child_never_read_each_others_answers(asking):
    asking.call()  # makes a connection, which the child will have too
    mine, my_decisions = zip(*(saying(n, "parent") for n in range(300)), strict=True)
    its, its_decisions = zip(*(saying(n, "child") for n in range(300)), strict=True)
    parent, child = asking.fork(mine, its)
    assert [each["decision"] for each in parent] == list(my_decisions)
    assert [each["decision"] for each in child] == list(its_decisions)
    assert asking.call()["decision"] == NORMAL


@pytest.mark.slow
@pytest.mark.parametrize("where", ["unix", "tcp"])
def test_a_restart_of_the_daemon_is_not_noticed(fresh, host, where, free_port):
    daemon = fresh()
    address = f"unix:{daemon.jsonl}" if where == "unix" else f"tcp:127.0.0.1:{free_port}"
    daemon.write(OBEDIENT, listen=[address])
    daemon.start()
    asking = host(address)
    assert asking.call()["kept"] == 1
    for _ in range(2):
        daemon.stop()
        daemon.start()
        assert asking.call()["decision"] == NORMAL


@pytest.mark.slow
def test_a_daemon_that_is_down_is_a_temporary_failure_until_it_is_up_again(fresh, host):
    daemon = fresh()
    daemon.write(OBEDIENT)
    daemon.start()
    asking = host(f"unix:{daemon.jsonl}")
    asking.call()
    daemon.stop()
    outcome = asking.call()
    assert outcome["decision"] == TEMPFAIL
    why = os.strerror(errno.ENOENT)
    assert f"can't connect to unix:{daemon.jsonl}: {why}" in outcome["error"]
    assert outcome["kept"] == 0
    daemon.start()
    assert asking.call()["decision"] == NORMAL


@pytest.mark.slow
@pytest.mark.parametrize("kept", [False, True])
def test_a_daemon_that_is_killed_while_it_decides_is_a_temporary_failure(fresh, host, kept):
    daemon = fresh()
    daemon.write(SLOW_AND_FAST, more='deadline = "1h"\n')
    daemon.start()
    asking = host(f"unix:{daemon.jsonl}")
    if kept:
        asking.call()
    never = str(daemon.directory / "never")
    outcomes = []
    thread = threading.Thread(
        target=lambda: outcomes.append(asking.call(sendid="slow", until=never))
    )
    thread.start()
    daemon.wait_for("has begun")
    daemon.signal(signal.SIGKILL)
    thread.join()
    daemon.wait()
    assert outcomes[0]["decision"] == TEMPFAIL
    assert "hookframe: " in outcomes[0]["error"]
    assert outcomes[0]["kept"] == 0


@pytest.mark.slow
def test_a_hook_that_ends_its_worker_each_time_is_a_temporary_failure(fresh, host):
    daemon = fresh()
    daemon.write(KILLS_ITS_WORKER)
    daemon.start()
    outcome = host(f"unix:{daemon.jsonl}").call()
    assert outcome["decision"] == TEMPFAIL
    assert "hookframe: " in outcome["error"]


@pytest.mark.slow
def test_an_attempt_is_asked_about_again_when_a_worker_dies(fresh, host):
    daemon = fresh()
    daemon.write(KILLS_ITS_WORKER_ONCE)
    daemon.start()
    assert host(f"unix:{daemon.jsonl}").call()["decision"] == {"action": "dump", "message": "again"}


@pytest.mark.slow
def test_a_hook_that_takes_too_long_costs_one_attempt_and_none_gets_its_answer(fresh, host):
    daemon = fresh()
    daemon.write(SLOW_AND_FAST, more='deadline = "1h"\n')
    daemon.start()
    asking = host(f"unix:{daemon.jsonl}")
    end = daemon.directory / "end"
    asking.deadline(SHORT)
    late = asking.call(sendid="slow", until=str(end), recipient="late@example.net")
    assert late["decision"] == TEMPFAIL
    assert f"took longer than {SHORT} s to answer" in late["error"]
    assert late["kept"] == 0
    asking.deadline(30)
    end.touch()
    prompt = asking.call(recipient="prompt@example.net")
    assert prompt["decision"] == {"action": "dump", "message": "prompt@example.net"}


@pytest.mark.slow
def test_a_socket_that_must_not_be_opened_is_a_temporary_failure_that_says_for_whom(fresh, host):
    daemon = fresh()
    daemon.write(OBEDIENT)
    daemon.start()
    daemon.directory.chmod(0o711)
    asking = host(f"unix:{daemon.jsonl}")
    uid = os.getuid()
    if uid == 0:
        uid = 65534
        asking.tell(become=uid)  # the socket's mode is 0660, and it is root's
    else:
        daemon.jsonl.chmod(0)
    outcome = asking.call()
    assert outcome["decision"] == TEMPFAIL
    assert os.strerror(errno.EACCES) in outcome["error"]
    assert f"let the user with the id {uid} open it (README.md, step 2)" in outcome["error"]


@pytest.mark.slow
def test_a_sender_beside_a_domain_is_a_temporary_failure_that_says_what_to_do(fresh, host):
    daemon = fresh()
    daemon.write(SENDER, more=DOMAIN)
    daemon.start()
    outcome = host(f"unix:{daemon.jsonl}").call()
    assert outcome["decision"] == TEMPFAIL
    assert (
        "the policy decided on new_sender together with deliver_as_if_to_domain [other.example]"
        in outcome["error"]
    )
    assert "set $SENDER_AND_DOMAIN = 'drop domain' in this file" in outcome["error"]
    assert outcome["kept"] == 1, "the connection is whole"


@pytest.mark.slow
def test_the_domain_beside_a_sender_is_left_out_and_logged_where_that_was_chosen(fresh, host):
    daemon = fresh()
    daemon.write(SENDER, more=DOMAIN)
    daemon.start()
    asking = host(f"unix:{daemon.jsonl}", sender_and_domain="drop domain")
    assert asking.call(recipient=b"j\xfcrgen]\n@example.net")["decision"] == {
        "action": "new_config",
        "new_sender": "new@sender.example",
    }
    assert asking.log == (
        f"hookframe: msguid=[{attempt()['msguid']}], "
        r"recipient=[j\x{fc}rgen\x{5d}\x{0a}@example.net]: left the domain out of "
        "new_sender together with deliver_as_if_to_domain [other.example]\n"
    )


def test_what_the_host_calls_a_temporary_failure_is_what_hookframe_calls_one():
    assert TEMPFAIL["temp-fail"] == ERROR
