"""hookframe.testing: the daemon, a client of it, and waiting."""

from __future__ import annotations

import itertools
import re

import pytest

from hookframe.testing import Client, Daemon, eventually, make_attempt

DUMPING = "def pre_delivery_attempt(attempt): return {'action': 'dump', 'message': 'no'}\n"
ECHOING = """
def pre_delivery_attempt(attempt):
    return {"action": "pause", "message": attempt["sendid"]}
"""
DUMPED = {"action": "dump", "message": "no"}
pytestmark = pytest.mark.slow


@pytest.fixture
def daemon():
    with Daemon() as daemon:
        yield daemon


def test_a_daemon_answers_on_each_of_its_sockets(daemon):
    daemon.write(DUMPING)
    assert daemon.start() is daemon
    assert daemon.ask(make_attempt()) == DUMPED
    assert daemon.ask(make_attempt(), daemon.port) == DUMPED
    assert daemon.ask(make_attempt(), daemon.explain)["decision"] == DUMPED
    assert b'end="1"' in daemon.exchange(b"\n", daemon.exim)


def test_several_requests_on_one_connection_are_answered_in_order(daemon):
    daemon.write(ECHOING)
    daemon.start()
    with Client(daemon.jsonl) as client:
        messages = [client.ask(make_attempt(sendid=each))["message"] for each in ("a", "b")]
        client.half_close()
        assert (messages, client.rest()) == (["a", "b"], b"")


def test_further_toml_is_part_of_the_configuration(daemon):
    daemon.write(
        "def pre_delivery_attempt(attempt): 1 / 0\n", '[plugins.file]\non_error = "skip"\n'
    )
    daemon.start()
    assert daemon.ask(make_attempt()) == {"action": "normal"}


def test_a_daemon_that_can_not_start_fails_the_test_with_what_it_wrote(daemon):
    daemon.write(DUMPING, "nonsense = 1\n")
    with pytest.raises(AssertionError, match="nonsense"):
        daemon.start()


def test_a_client_whose_connection_ends_says_what_it_had_read(daemon):
    daemon.write(DUMPING)
    daemon.start()
    with Client(daemon.jsonl) as client:
        client.half_close()
        with pytest.raises(AssertionError, match="the connection ended after b''"):
            client.line()


def test_a_client_asks_again_on_a_new_connection_when_its_own_has_ended(daemon):
    daemon.write(DUMPING)
    daemon.start()
    with Client(daemon.jsonl) as client:
        assert client.ask(make_attempt()) == DUMPED
        daemon.stop()
        daemon.start()
        assert client.ask(make_attempt()) == DUMPED


def test_a_client_gives_up_when_the_connection_ends_each_time(daemon):
    daemon.write(DUMPING, "[limits]\nconnections = 1\n")
    daemon.start()
    with Client(daemon.jsonl) as first:
        assert first.ask(make_attempt()) == DUMPED
        with (
            Client(daemon.jsonl) as other,
            pytest.raises(AssertionError, match="without an answer 4 times"),
        ):
            other.ask(make_attempt())
        assert first.ask(make_attempt()) == DUMPED


def test_a_stopped_daemon_returns_its_exit_status_and_can_be_started_again(daemon):
    daemon.write(DUMPING)
    assert daemon.start().stop() == 0
    assert not daemon.is_running
    daemon.start()
    assert daemon.ask(make_attempt()) == DUMPED


def test_what_was_not_started_can_be_closed(tmp_path):
    with Daemon(tmp_path) as daemon, pytest.raises(AssertionError, match="not started"):
        daemon.stop()
    assert tmp_path.exists()


def test_a_temporary_directory_is_gone_after_the_test():
    with Daemon() as daemon:
        daemon.write(DUMPING)
    assert not daemon.directory.exists()


def test_waiting_returns_the_first_true_value():
    numbers = itertools.count()
    assert eventually(lambda: (number := next(numbers)) > 2 and number) == 3


def test_waiting_in_vain_fails_with_the_last_value():
    with pytest.raises(AssertionError, match=re.escape("not true within 0.01 s: ") + ".*None"):
        eventually(lambda: None, 0.01)
