"""What goes wrong inside hookframe with one connection closes that one, and no other."""

from __future__ import annotations

import array
import fcntl
import json
import os
import termios
from contextlib import contextmanager, suppress

import pytest

from hookframe.testing import eventually

from ..helpers.attempts import MESSAGE, TEMPFAIL, attempt
from ..helpers.requests import fields, line
from .policies import WHO

MEDDLING = """
import socket
import stat

def here(name):
    return os.path.join(os.path.dirname(__file__), name)

def gate():
    with open(here("gate")) as file:
        file.read()

def first_client():
    for number in sorted(map(int, os.listdir("/proc/self/fd"))):
        try:
            same = os.dup(number)
        except OSError:
            continue
        if not stat.S_ISSOCK(os.fstat(same).st_mode):
            os.close(same)
            continue
        with socket.socket(fileno=same) as found:
            accepts = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            if found.getsockname() == here("jsonl.sock") and not accepts:
                return number

def talks():
    return {"action": "pause", "message": "€" * 480}

def puts_a_file_in_its_place():
    with open(here("file"), "r+") as file:
        os.dup2(file.fileno(), first_client())

kept = []

def takes_it_away():
    kept.append(os.dup(first_client()))
    puts_a_file_in_its_place()

def has_no_memory_for_the_next_turn():
    from hookframe.daemon.loop import Loop

    call_soon = Loop.call_soon

    def fail(*_):
        Loop.call_soon = call_soon
        raise MemoryError

    Loop.call_soon = fail

def loses_standard_output():
    import sys

    del sys.stdout

def breaks_its_own_process():
    from hookframe.host.host import Host

    def fail(*_):
        raise ZeroDivisionError("ours")

    Host.decide = fail

def breaks_warnings():
    from hookframe.log.log import Log

    def fail(*_):
        raise OSError(28, "No space left on device")

    Log.warning = fail
"""
MANY = 300
"""So many answers of one and a half kilobytes are more than a socket takes that nobody reads."""


@pytest.fixture
def meddled(fresh):
    """Start a daemon whose policy meddles with what is not its own."""

    def start(more=""):
        daemon = fresh()
        os.mkfifo(daemon.directory / "gate")
        (daemon.directory / "file").write_text("x")
        return daemon.with_policy(MEDDLING, more)

    return start


@pytest.fixture
def unharmed():
    """Check that a daemon logs that it closes a connection, and goes on."""

    @contextmanager
    def check(daemon, error):
        with daemon.connect(daemon.port) as before:
            before.ask(attempt(recipient=WHO))
            yield before
            daemon.wait_for(f"a connection is closed: {error}")
        assert daemon.worker()

    return check


def fault(name):
    return line(attempt(recipient=f"{name}@fault.test"))


def answered(client):
    """Ask about an attempt; say whether the policy has answered."""
    asked = attempt()
    return client.ask(asked) == {"action": "pause", "message": asked["msguid"]}


@contextmanager
def gated(daemon, client):
    """Have the daemon stand still in an attempt, and go on only at the end."""
    client.send(fault("gate"))
    with (daemon.directory / "gate").open("w"):
        yield
    assert client.answer()["action"] == "pause"


def unread(client):
    """The bytes that wait for a client."""
    size = array.array("i", [0])
    fcntl.ioctl(client.socket, termios.FIONREAD, size)
    return size[0]


def test_a_client_that_reads_late_what_has_become_a_files_is_closed_alone(meddled, unharmed):
    daemon = meddled()
    with unharmed(daemon, "PermissionError") as other, daemon.connect() as deaf:
        deaf.send(fault("talks") * MANY)

        def daemon_waits():
            before = unread(deaf)
            return before and answered(other) and answered(other) and unread(deaf) == before

        eventually(daemon_waits)
        other.send(fault("takes_it_away"))
        assert other.answer()["action"] == "pause"
        while unread(deaf):
            deaf.socket.recv(1 << 20)


def test_a_client_for_whose_next_turn_there_is_no_memory_is_answered_and_closed_alone(
    meddled, unharmed
):
    daemon = meddled()
    with unharmed(daemon, "MemoryError") as other:
        with gated(daemon, other):
            unlucky = daemon.connect()
            unlucky.send(fault("has_no_memory_for_the_next_turn"))
        with unlucky:
            assert unlucky.answer()["action"] == "pause"
            assert unlucky.rest() == b""


def test_a_client_that_can_neither_be_let_in_nor_warned_of_is_closed_alone(meddled, unharmed):
    daemon = meddled("[limits]\nconnections = 2\n")
    with unharmed(daemon, "OSError") as other:
        other.send(fault("breaks_warnings"))
        assert other.answer()["action"] == "pause"
        with daemon.connect() as second, daemon.connect() as third:
            assert third.rest() == b""
            assert answered(second)
            text = daemon.configuration.read_text()
            daemon.save(daemon.configuration, text.replace("connections = 2", "connections = 3"))

            def fourth_is_answered():
                with suppress(BrokenPipeError):  # it was turned away
                    return daemon.exchange(line(attempt()))

            eventually(fourth_is_answered)  # by the number that the third one had
            assert answered(second)


def test_an_attempt_that_takes_standard_output_away_costs_no_later_one_its_answer(fresh):
    daemon = fresh().with_policy(MEDDLING)
    with daemon.connect() as client:
        client.send(fault("loses_standard_output"))
        assert client.answer()["action"] in {"normal", "pause"}
        for _ in range(3):
            assert client.ask(attempt())["action"] in {"normal", "pause"}
    assert daemon.exchange(line(attempt())).endswith(b"\n")


@pytest.mark.parametrize("together", [1, 40])
def test_requests_on_which_hookframe_itself_fails_are_answered_by_temp_fails(fresh, together):
    daemon = fresh().with_policy(MEDDLING)
    with daemon.connect() as client:
        client.send(fault("breaks_its_own_process"))
        client.answer()
        client.send(line(attempt()) * together)
        assert client.answers(together) == [TEMPFAIL] * together
        exim = daemon.exchange(fields() + b"\n", daemon.exim)
        assert MESSAGE.encode() in exim
        assert exim.endswith(b'end="1"\n')
        explained = json.loads(daemon.exchange(line(attempt()), daemon.explain))
        assert explained["decision"]["action"] in {"normal", "pause"}
    assert "ZeroDivisionError: ours" in daemon.wait_for("answered with a temporary failure: ")


DYING = """
import time

def waits_and_dies():
    time.sleep(0.002)
    os._exit(9)

def waits():
    time.sleep(0.002)
"""


def test_a_process_that_dies_leaves_only_what_it_decided_in_the_last_millisecond(fresh):
    daemon = fresh().with_policy(DYING)
    with daemon.connect() as client:
        client.send(fault("waits") * 20 + fault("waits_and_dies") + fault("waits"))
        assert len(client.rest().splitlines()) == 20
