"""Whatever the daemon does wrong: every message is kept, and its status is always the same."""

from __future__ import annotations

import socket

import pytest

from ..helpers.attempts import MESSAGE
from .misbehaving import COMPLETE, Server, answers, closes_unread, dribbles, hangs, is_deaf

LONG_COMPLETE = b'action="normal" message="' + b"x" * 20000 + b'" end="1"\n'
ANSWERS = {
    "nothing": b"",
    "a newline": b"\n",
    "cut in the action": b'action="nor',
    "cut after the action": b'action="normal"',
    "cut in a key": b'action="new_mtaid" new_mtaid="vmta2',
    "cut in the end": b'action="normal" end="1',
    "cut before the newline": b'action="normal" end="1"',
    "cut where the message speaks of the end": b'action="normal" message="say \\" end=\\"1\\"',
    "garbage": bytes(range(256)) * 16,
    "zero bytes": b"\0" * 100,
    "a zero byte in the middle": b'action="normal"\0 end="1"\n',
    "an unknown action": b'action="deliver" end="1"\n',
    "no action": b'message="x" end="1"\n',
    "an empty action": b'action="" end="1"\n',
    "an action in capitals": b'action="NORMAL" end="1"\n',
    "an unknown key": b'action="normal" new_interface="127.0.0.3" end="1"\n',
    "new_mtaid without its key": b'action="new_mtaid" end="1"\n',
    "an empty new_mtaid": b'action="new_config" new_mtaid="" new_sender="a@b.test" end="1"\n',
    "an empty domain": b'action="normal" deliver_as_if_to_domain="" end="1"\n',
    "an unknown virtualmta": b'action="new_mtaid" new_mtaid="nosuch" end="1"\n',
    "a command in the sender": (
        b'action="new_config" new_sender="a@b.test>\\nRCPT TO:<evil@remote.test" end="1"\n'
    ),
    "two answers": b'action="pause" end="1"\naction="normal" end="1"\n',
    "something after the end": b'action="normal" end="1"\nx',
    "another wire": b'{"action":"normal"}\n',
    "an expansion": b'action="normal" message="${acl{x}}" ${readsocket} end="1"\n',
    "larger than any answer": LONG_COMPLETE,
    "a megabyte": b"action=" * 150_000,
}
BEHAVIOURS = {
    "hangs": hangs,
    "sends a byte now and then": dribbles,
    "closes without reading": closes_unread,
}


@pytest.fixture(scope="module")
def exim(make_exim):
    made = make_exim(timeout="1s")
    yield made
    assert made.panics() == ""


@pytest.fixture
def server(socket_path):
    made = []

    def start(behave):
        made.append(Server(socket_path, behave))
        return made[-1]

    yield start
    for one in made:
        one.close()


def assert_all_kept(exim, sink, msguid, *recipients):
    assert exim.deferrals(msguid) == dict.fromkeys(recipients, MESSAGE)
    assert sorted(exim.queue()[msguid]) == sorted(recipients)
    assert [seen for recipient in recipients for seen in sink.seen(recipient)] == []


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_is_not_a_decision_defers_and_keeps_the_message(exim, sink, server, name):
    server(answers(ANSWERS[name]))
    recipient = f"{name.replace(' ', '.')}@remote.test"
    msguid = exim.send(recipient)
    assert_all_kept(exim, sink, msguid, recipient)
    assert any("hookframe: can't act on the answer" in line for line in exim.log(msguid))


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_a_daemon_that_does_not_answer_defers_and_keeps_the_message(exim, sink, server, name):
    server(BEHAVIOURS[name])
    recipient = f"{name.replace(' ', '.')}@remote.test"
    msguid = exim.send(recipient)
    assert_all_kept(exim, sink, msguid, recipient)


@pytest.mark.parametrize("times", [1, 3])
def test_a_connection_that_ends_without_an_answer_is_followed_by_another(exim, sink, server, times):
    def ends_at_first(client, served):
        served.read(client)
        if len(served.requests) > times:
            client.sendall(COMPLETE)

    served = server(ends_at_first)
    recipient = f"asked.{times}.times.again@remote.test"
    exim.send(recipient)
    assert len(sink.seen(recipient)) == 1
    assert len(set(served.requests)) == 1
    assert len(served.requests) == times + 1


def test_an_attempt_is_asked_about_four_times_at_most(exim, sink, server):
    served = server(answers(b""))
    msguid = exim.send("never@remote.test")
    assert_all_kept(exim, sink, msguid, "never@remote.test")
    assert len(served.requests) == 4


def test_a_daemon_that_is_not_there_defers_and_keeps_the_message(exim, sink, socket_path):
    msguid = exim.send("absent@remote.test")
    assert_all_kept(exim, sink, msguid, "absent@remote.test")
    assert any(f"no answer from {socket_path} within 1s" in line for line in exim.log(msguid))


@pytest.fixture
def stale_socket(socket_path):
    """The file that a killed daemon leaves: there, and nobody listens."""
    with socket.socket(socket.AF_UNIX) as killed:
        killed.bind(str(socket_path))
    socket_path.chmod(0o660)
    yield
    socket_path.unlink()


@pytest.mark.usefixtures("stale_socket")
def test_a_daemon_that_refuses_defers_and_keeps_the_message(exim, sink):
    msguid = exim.send("refused@remote.test")
    assert_all_kept(exim, sink, msguid, "refused@remote.test")


@pytest.mark.usefixtures("stale_socket")
def test_a_socket_that_exim_may_not_open_defers_and_keeps_the_message(exim, sink, socket_path):
    socket_path.chmod(0o600)
    msguid = exim.send("forbidden@remote.test")
    assert_all_kept(exim, sink, msguid, "forbidden@remote.test")


@pytest.mark.usefixtures("stale_socket")
def test_after_a_refusal_the_other_recipients_are_deferred_without_a_try(exim, sink):
    recipients = [f"refused{number}@remote.test" for number in range(4)]
    msguid = exim.send(*recipients)
    assert_all_kept(exim, sink, msguid, *recipients)
    assert sum("hookframe: no answer" in line for line in exim.log(msguid)) == 1


def test_a_hung_daemon_costs_one_timeout_for_a_message_not_one_for_each_recipient(
    exim, sink, server
):
    hung = server(hangs)
    recipients = [f"hung{number}@remote.test" for number in range(10)]
    msguid = exim.send(*recipients)
    assert_all_kept(exim, sink, msguid, *recipients)
    assert len(hung.requests) == 1
    assert sum("hookframe: no answer" in line for line in exim.log(msguid)) == 1


def test_a_message_deferred_for_want_of_a_daemon_is_asked_about_when_there_is_one(
    exim, sink, server
):
    msguid = exim.send("again1@remote.test", "again2@remote.test")
    assert_all_kept(exim, sink, msguid, "again1@remote.test", "again2@remote.test")
    there = server(answers(b'action="normal" end="1"\n'))
    exim.attempt(msguid)
    assert len(there.requests) == 2
    assert len(sink.seen("again1@remote.test")) == len(sink.seen("again2@remote.test")) == 1
    assert msguid not in exim.queue()


def test_a_map_file_that_is_gone_defers_and_keeps_the_message(exim, sink, server):
    server(answers(b'action="normal" end="1"\n'))
    virtualmtas = exim.configuration.with_name("virtualmtas")
    hidden = virtualmtas.rename(virtualmtas.with_name("hidden"))
    try:
        msguid = exim.send("nomap@remote.test")
        assert exim.queue()[msguid] == ["nomap@remote.test"]
    finally:
        hidden.rename(virtualmtas)
    exim.attempt(msguid)
    assert len(sink.seen("nomap@remote.test")) == 1


def test_a_default_virtualmta_that_is_not_in_the_map_sends_from_no_other_address(
    exim, sink, server
):
    server(answers(b'action="normal" end="1"\n'))
    virtualmtas = exim.configuration.with_name("virtualmtas")
    whole = virtualmtas.read_text()
    virtualmtas.write_text(whole.replace("main:", "renamed:"))
    try:
        msguid = exim.send("nodefault@remote.test")
        assert_all_kept(exim, sink, msguid, "nodefault@remote.test")
    finally:
        virtualmtas.write_text(whole)


def test_a_request_of_any_size_never_waits_for_a_daemon_that_does_not_read(exim, sink, server):
    server(is_deaf)
    headers = [f"{name}: " + "\r\n ".join(["x" * 900] * 250) for name in ("List-ID", "X-SendID")]
    msguid = exim.send("deaf@remote.test", headers=headers)
    assert_all_kept(exim, sink, msguid, "deaf@remote.test")
