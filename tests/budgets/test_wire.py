"""What the daemon does for a request is counted, and stays within `wire.json`.

Counted are calls of functions, Python's and C's, that modules of `hookframe.daemon` make or are:
they are the same on every machine, whatever else runs there. Among C's are the system calls, but
for accept(2). What the host does in between has a budget of its own.
"""

import json
import socket
import sys
from base64 import b64encode
from collections import Counter
from pathlib import Path

import pytest

import hookframe.daemon
from tests.helpers.attempts import ATTEMPT
from tests.helpers.serving import Serving

BUDGETS = json.loads(Path(__file__).with_name("wire.json").read_text())
DAEMON = str(Path(hookframe.daemon.__file__).parent)
TIMES = 20
LINE = json.dumps(ATTEMPT).encode() + b"\n"
NORMAL = b'{"action":"normal"}\n'
SYSTEM_CALLS = {"read", "write", "close", "register", "modify", "unregister", "fcntl", "shutdown"}


class Bench(Serving):
    """The connections of one process, and clients of theirs in the same one."""

    def __init__(self, directory, protocol):
        super().__init__(str(directory / protocol), pytest.fail, protocol)

    def connect(self):
        client = socket.socket(socket.AF_UNIX)
        client.connect(self.path)
        return client

    def turn(self):
        """Let every client have one turn."""
        self._take_turn()

    def counted(self):
        """Let every client have one turn, and count."""
        calls = Counter()

        def count(frame, event, argument):
            if event in ("call", "c_call") and frame.f_code.co_filename.startswith(DAEMON):
                calls["functions"] += 1
                if event == "c_call" and argument.__name__ in SYSTEM_CALLS:
                    calls[argument.__name__] += 1

        sys.setprofile(count)
        try:
            self._take_turn()
        finally:
            sys.setprofile(None)
        return calls

    def _take_turn(self):
        self.loop.call_soon(self.loop.stop)
        self.loop.run()


@pytest.fixture
def bench(tmp_path, monkeypatch):
    """A bench on which no turn passes on sooner because the machine is busy."""
    monkeypatch.setattr("hookframe.daemon.server.connection.TURN", 3600.0)
    benches = []

    def make(protocol="jsonl"):
        benches.append(Bench(tmp_path, protocol))
        return benches[-1]

    yield make
    for each in benches:
        each.close()


def held(name, calls, requests):
    """Compare what was counted for some requests with the budget for one."""
    budget = BUDGETS[name]
    allowed = {what: budget.get(what, 0) * requests for what in calls.keys() | budget.keys()}
    over = {what: calls[what] / requests for what, most in allowed.items() if calls[what] > most}
    assert not over, f"{name} takes {over}, more than wire.json allows it: {budget}"
    assert calls["functions"] >= 0.8 * allowed["functions"], (
        f"{name} takes {calls['functions'] / requests} functions only: lower its budget"
    )


def test_a_request_on_a_kept_connection_is_read_once_and_answered_by_one_write(bench):
    daemon, calls = bench(), Counter()
    with daemon.connect() as client:
        for round_number in range(TIMES + 3):
            client.sendall(LINE)
            found = daemon.counted()
            if round_number >= 3:  # by then it has settled down
                calls += found
            assert client.recv(4096) == NORMAL
    held("a request on a kept connection", calls, TIMES)


def test_of_requests_that_come_together_none_is_read_or_written_alone(bench):
    daemon = bench()
    with daemon.connect() as client:
        for _ in range(3):
            daemon.turn()
        client.sendall(LINE * 64)
        calls = daemon.counted() + daemon.counted()
        assert client.recv(8192) == NORMAL * 64
    held("64 requests that come together", calls, 1)


def test_a_client_that_asks_once_is_never_waited_for(bench):
    daemon, calls = bench(), Counter()
    for _ in range(TIMES):
        with daemon.connect() as client:
            client.sendall(LINE)
            calls += daemon.counted()
            assert client.recv(4096) == NORMAL
        calls += daemon.counted()
    held("a request with a connection of its own", calls, TIMES)


def test_the_request_of_exim_takes_one_turn(bench):
    daemon, calls = bench("exim"), Counter()
    fields = {**ATTEMPT, "is_first_attempt": 1, "mtaid_exists": 1}
    request = "".join(f"{key}={b64encode(str(fields[key]).encode()).decode()}\n" for key in fields)
    for _ in range(TIMES):
        with daemon.connect() as client:
            client.sendall(request.encode() + b"\n")
            calls += daemon.counted()
            assert client.recv(4096) == b'action="normal" end="1"\n'
    held("a request of Exim", calls, TIMES)
