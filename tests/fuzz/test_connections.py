"""Clients that do their worst, all at once, against a real daemon; and one that must not notice."""

from __future__ import annotations

import json
import socket
import struct
from contextlib import suppress

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    rule,
    run_state_machine_as_test,
)

from hookframe.testing import Client

from ..helpers.attempts import TEMPFAIL, attempt
from ..helpers.daemons import Daemon
from ..helpers.obedient_hook import said, saying
from ..helpers.requests import LIMIT, extracted, field, line
from ..helpers.wait import PATIENCE
from .amount import examples

ROOM = 40
"""Connections that the daemon takes: were one of each round left over, there would be none left."""
TOO_LONG = b"y" * (LIMIT + 1)
GONE = (BrokenPipeError, ConnectionResetError)
WAYS_IN = ("jsonl", "explain", "exim", "port")

good = st.integers(0, 99).map(lambda number: line(saying(number)))
chunks = st.one_of(
    good,
    good.map(lambda request: request[:40]),
    good.map(lambda request: request[40:]),
    st.sampled_from([b"\n", b"\r\n", b"{", b"\x00\xff\n", b"[]\n", field("mtaid", "1"), b"%s\n"]),
    st.sampled_from([b"x" * LIMIT, TOO_LONG, b'{"a":' * 5000 + b"\n", b"\n" * 300]),
    st.binary(max_size=30),
)


class Peer:
    """A client, and what it has sent."""

    def __init__(self, client: Client, way_in: str) -> None:
        self.client = client
        self.way_in = way_in
        self.sent = b""
        self.read = b""

    def send(self, chunk: bytes) -> None:
        """Send something, unless the daemon has closed the connection."""
        self.sent += chunk
        with suppress(*GONE):
            self.client.send(chunk)

    def read_a_little(self) -> None:
        """Read a few bytes, if any have come."""
        self.client.socket.setblocking(False)
        with suppress(BlockingIOError, *GONE):
            self.read += self.client.socket.recv(7)
        self.client.socket.settimeout(PATIENCE)

    def end(self) -> None:
        """Say that there is no more to come, read to the end, and check all that has come."""
        with suppress(*GONE, OSError):  # the daemon has closed already
            self.client.half_close()
        self.read += self.client.rest()
        if self.way_in == "exim":
            self._check_exim()
            return
        decisions = [json.loads(answer) for answer in self.read.splitlines()]
        if self.way_in == "explain":
            decisions = [answer["decision"] for answer in decisions]
        expected = [_expected(request) for request in _requests(self.sent)]
        if self.way_in == "port" and TOO_LONG in self.sent:  # TCP may lose what was not read yet
            expected = expected[: len(decisions)]
        assert decisions == expected

    def _check_exim(self) -> None:
        if not self.sent:  # a check of the port
            assert self.read == b""
            return
        assert self.read.endswith(b' end="1"\n'), self.read
        assert self.read.count(b"\n") == 1, self.read
        assert extracted(self.read)["action"] == "pause", self.read


def _requests(sent: bytes) -> list[bytes]:
    """Cut requests; none is read after the first that is too long."""
    *requests, rest = sent.split(b"\n")
    if rest:
        requests.append(rest)
    long = [len(request) > LIMIT for request in requests]
    return requests[: long.index(True) + 1] if any(long) else requests


def _expected(request: bytes):
    try:
        asked = json.loads(request)
    except (ValueError, RecursionError):
        return TEMPFAIL
    whole = isinstance(asked, dict) and set(attempt()) <= set(asked)
    return asked["reply"] if whole and len(request) <= LIMIT else TEMPFAIL


class Crowd(RuleBasedStateMachine):
    """Clients come, send, stop, go and break off, in any order."""

    daemon: Daemon
    peers = Bundle("peers")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[Peer] = []
        self.asked = 0
        self.patient = self.daemon.connect()

    @rule(target=peers, way_in=st.sampled_from(WAYS_IN))
    def comes(self, way_in):
        peer = Peer(self.daemon.connect(getattr(self.daemon, way_in)), way_in)
        self.open.append(peer)
        return peer

    @rule(peer=peers, chunk=chunks)
    def sends(self, peer, chunk):
        peer.send(chunk)

    @rule(peer=peers, parts=st.lists(good, min_size=1, max_size=40))
    def pipelines(self, peer, parts):
        peer.send(b"".join(parts))

    @rule(peer=peers)
    def reads_a_little(self, peer):
        peer.read_a_little()

    @rule(peer=consumes(peers))
    def ends(self, peer):
        peer.end()
        self._leaves(peer)

    @rule(peer=consumes(peers))
    def closes(self, peer):
        self._leaves(peer)

    @rule(peer=consumes(peers))
    def breaks_off(self, peer):
        """Reset the connection: SO_LINGER with no time to linger, see socket(7)."""
        option = struct.pack("ii", 1, 0)
        peer.client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, option)
        self._leaves(peer)

    @rule()
    def the_patient_one_asks(self):
        self.asked += 1
        assert self.patient.ask(saying(self.asked)) == said(self.asked)

    def _leaves(self, peer: Peer) -> None:
        self.open.remove(peer)
        peer.client.close()

    def teardown(self):
        try:
            self.the_patient_one_asks()
            self.the_patient_one_asks()
        finally:
            for peer in [*self.open]:
                self._leaves(peer)
            self.patient.close()


@pytest.fixture(scope="module")
def daemon():
    """A running daemon with little room; it must still be whole at the end."""
    running = Daemon()
    try:
        running.write(more=f"[limits]\nconnections = {ROOM}\n")
        running.start()
        yield running
    finally:
        running.close()


def test_clients_that_do_anything_in_any_order_harm_nobody_else(daemon):
    Crowd.daemon = daemon
    run_state_machine_as_test(Crowd, settings=examples(80, stateful_step_count=40))
    assert daemon.ask(saying("the end")) == said("the end")
    for text in daemon.output.splitlines():
        assert text.isprintable(), text
