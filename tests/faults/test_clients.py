"""Clients that do their worst: none of them costs another one anything."""

from __future__ import annotations

import random
import resource
import select
import socket
import struct
import threading
from contextlib import ExitStack, contextmanager, suppress
from time import monotonic, sleep

import pytest

from hookframe.testing import Client, eventually

from ..helpers.attempts import attempt
from ..helpers.requests import line
from ..helpers.wait import PATIENCE
from .accounts import ENDED, POLICY, TEMPFAILED, Accounts, under_load
from .callers import Line

REQUEST = line(attempt())
HALF = REQUEST[: len(REQUEST) // 2]
CROWD = 10_000
SPARE_FILES = 200
"""Open files of this process beside its clients."""
MEBIBYTE = 1 << 20
GARBAGE = {
    "nothing at all": b"",
    "empty lines": b"\n" * 1000,
    "a request of the web": b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "a greeting of TLS": bytes.fromhex("16030100c8010000c40303") + bytes(range(256)) + b"\n",
    "zero bytes": b"\0" * 60_000 + b"\n",
    "text that is not UTF-8": b"\xff\xfe\xc3\x28" * 1000 + b"\n",
    "deep JSON": b"[" * 60_000 + b"\n" + b'{"a":' * 10_000 + b"\n",
    "a huge number": b"1" * 60_000 + b"\n" + b'{"injtime": 1e999999}\n',
    "many keys": b"{" + b",".join(b'"%d":0' % n for n in range(6_000)) + b"}\n",
    "a key many times": b"{" + b",".join([b'"mtaid":"1"'] * 5_000) + b"}\n",
    "a request that is too long": b"x" * 200_000,
    "base64 that is none": b"mtaid=====\nsender=\xff\n\n",
    "an exim request without names": b"=QQ==\n" * 1000 + b"\n",
    "chance": random.Random(1483391740).randbytes(60_000) + b"\n",
}


@pytest.fixture(scope="module")
def daemon(lasting):
    """A daemon for all clients that don't have to be waited for."""
    return lasting().with_policy()


@pytest.fixture(scope="module")
def hasty(lasting):
    """A daemon that does not wait for clients for long."""
    return lasting().with_policy(more='[limits]\nidle_time = "2s"\nanswer_time = "1s"\n')


@pytest.fixture
def many_files():
    """Let this process have as many open files as a crowd needs."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = CROWD + SPARE_FILES
    if hard != resource.RLIM_INFINITY and hard < wanted:
        pytest.skip(f"{wanted} open files are needed, the system allows {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def reset(client: Client) -> None:
    """Close a TCP connection by a reset."""
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def pressed(client: Client, data: bytes, meanwhile) -> int:
    """Send the same request again and again and read nothing, until the daemon has had enough.

    Args:
        client: whose connection ends by it.
        data: the request.
        meanwhile: called whenever nothing more goes in.

    Returns:
        How many were sent whole.
    """
    sent, until = 0, monotonic() + PATIENCE
    poll = select.poll()
    poll.register(client.socket, select.POLLOUT)
    client.socket.setblocking(False)
    with suppress(ConnectionError):
        while True:
            assert monotonic() < until, f"{sent} bytes went in, and there was no end to it"
            try:
                sent += client.socket.send(data[sent % len(data) :] + data * 50)
            except BlockingIOError:
                meanwhile()
                poll.poll(10)
    client.socket.settimeout(PATIENCE)
    return sent // len(data)


@contextmanager
def crowd(daemon, number, where=None):
    """So many connections."""
    with ExitStack() as stack:
        yield [stack.enter_context(Line(where or daemon.jsonl)) for _ in range(number)]


def asked_by(accounts, clients):
    """Have each client ask about an attempt; return the attempts' msguids."""
    asked = []
    for client in clients:
        new = accounts.new()
        with suppress(ConnectionError):
            client.send(line(new))
        asked.append(new["msguid"])
    return asked


def outcomes(accounts, clients, asked):
    """What becomes of the attempts that clients have asked about."""
    return [
        accounts.enter(msguid, client.line_or_end())
        for client, msguid in zip(clients, asked, strict=True)
    ]


def test_a_request_that_comes_a_byte_a_second_is_answered_when_it_is_whole(daemon):
    with under_load(daemon) as accounts, Line(daemon.jsonl) as slow:
        asked = accounts.new()
        request = line(asked)
        slow.send(request[:-3])
        for byte in request[-3:]:
            sleep(1.0)
            slow.send(bytes([byte]))
        assert accounts.enter(asked["msguid"], slow.line_or_end()) is POLICY
    assert set(accounts.outcomes) == {POLICY}


def test_clients_that_never_get_to_the_end_of_a_request_see_their_connections_end(hasty):
    with under_load(hasty) as accounts, crowd(hasty, 300) as trickling:
        asked = [accounts.new() for _ in trickling]
        alive = dict(zip(trickling, asked, strict=True))
        for at in range(len(HALF)):
            for client in list(alive):
                try:
                    client.send(HALF[at : at + 1])
                except ConnectionError:
                    accounts.enter(alive.pop(client)["msguid"], client.line_or_end())
            if not alive:
                break
            sleep(0.2)
        assert not alive
    assert accounts.outcomes[ENDED] == 300
    assert accounts.outcomes[TEMPFAILED] == 0


def test_ten_thousand_clients_are_answered_where_there_is_room_for_them(fresh, many_files):
    daemon = fresh().with_policy(more=f"[limits]\nconnections = {CROWD}\n")
    accounts = Accounts(daemon)
    with crowd(daemon, CROWD) as clients:
        asked = asked_by(accounts, clients)
        assert outcomes(accounts, clients, asked) == [POLICY] * CROWD
        assert accounts.ask() is ENDED  # there is no room for one more
        some = clients[:: CROWD // 100]
        assert outcomes(accounts, some, asked_by(accounts, some)) == [POLICY] * len(some)
        memory = daemon.resident(daemon.children().pop())
    eventually(lambda: accounts.ask() is POLICY)
    accounts.all_closed()
    assert memory < 256 * MEBIBYTE
    daemon.wait_for(f"{CROWD} clients are connected")


def test_of_ten_thousand_clients_as_many_are_answered_as_the_limit_says(daemon, many_files):
    limit = 1000  # the default
    accounts = Accounts(daemon)
    with crowd(daemon, CROWD) as clients:
        found = outcomes(accounts, clients, asked_by(accounts, clients))
        assert set(found) == {POLICY, ENDED}
        assert limit - 5 <= found.count(POLICY) <= limit  # one of an earlier test may be closing
        let_in = [client for client, each in zip(clients, found, strict=True) if each is POLICY]
        again = asked_by(accounts, let_in)
        assert set(outcomes(accounts, let_in, again)) == {POLICY}
    eventually(lambda: accounts.ask() is POLICY)
    accounts.all_closed()
    assert daemon.logged("clients are connected") < CROWD / 100


@pytest.mark.parametrize("data", GARBAGE.values(), ids=GARBAGE)
def test_garbage_is_refused_and_costs_nobody_else_anything(daemon, data):
    worker = daemon.worker()
    with under_load(daemon) as accounts:
        for where in (daemon.jsonl, daemon.exim, daemon.explain, daemon.port):
            answers = _answers_to(daemon, data, where)
            assert all(b"Error in pre_delivery_attempt_hook" in each for each in answers)
            if where == daemon.jsonl and len(data) < 65536:
                assert len(answers) == data.count(b"\n") + (data[-1:] not in b"\n")
    assert set(accounts.outcomes) == {POLICY}
    assert daemon.worker() == worker


def _answers_to(daemon, data, where):
    """Send something, while its answers are read; return them, line by line."""
    with daemon.connect(where) as client:
        reading = threading.Thread(target=_send_all, args=(client, data))
        reading.start()
        try:
            return client.rest().splitlines()
        finally:
            reading.join()


def _send_all(client, data):
    with suppress(ConnectionError):
        client.send(data)
    with suppress(OSError):
        client.half_close()


def test_clients_that_go_in_the_middle_of_a_request_cost_nobody_anything(daemon):
    with under_load(daemon) as accounts:
        for each in range(400):
            where = (daemon.jsonl, daemon.exim, daemon.port)[each % 3]
            leaving = daemon.connect(where)
            leaving.send(HALF[: each % len(HALF)])
            if where == daemon.port:
                reset(leaving)
            else:
                leaving.close()
    assert set(accounts.outcomes) == {POLICY}


def test_half_a_request_of_a_client_that_asks_nothing_more_temp_fails(daemon):
    with under_load(daemon) as accounts:
        for where in (daemon.jsonl, daemon.port, daemon.exim):
            asked = accounts.new()
            request = line(asked)[:-20] if where != daemon.exim else b"mtaid=MQ==\nsender="
            answer = daemon.exchange(request, where)
            assert accounts.enter(asked["msguid"], answer) is TEMPFAILED


def test_clients_that_go_before_they_are_answered_cost_nobody_anything(daemon):
    with under_load(daemon) as accounts:
        for each in range(200):
            leaving = daemon.connect(daemon.port if each % 2 else daemon.jsonl)
            leaving.send(REQUEST * (each % 40))
            if each % 4 == 1:
                reset(leaving)
            else:
                leaving.close()
    assert set(accounts.outcomes) == {POLICY}


def test_a_flood_of_connections_keeps_nobody_from_being_answered(daemon):
    ending = threading.Event()

    def flood(where) -> None:
        while not ending.is_set():
            with suppress(BlockingIOError), daemon.connect(where):
                pass

    floods = [
        threading.Thread(target=flood, args=(where,)) for where in (daemon.jsonl, daemon.port)
    ]
    with under_load(daemon) as accounts:
        for each in floods:
            each.start()
        try:
            accounts.wait_for(POLICY, 300)
        finally:
            ending.set()
            for each in floods:
                each.join()
    assert set(accounts.outcomes) == {POLICY}


@pytest.mark.parametrize("protocol", ["jsonl", "explain"])
def test_a_client_that_reads_nothing_fills_no_memory_and_sees_its_connection_end(hasty, protocol):
    worker = hasty.worker()
    request = line(attempt(msguid="1abcde-000001-AB", padding="x" * 200))
    sizes = [hasty.resident(worker)]
    with under_load(hasty) as accounts, Line(getattr(hasty, protocol)) as deaf:
        sent = pressed(deaf, request, lambda: sizes.append(hasty.resident(worker)))
        answers = deaf.rest().splitlines()
    assert 0 < len(answers) < sent  # the others were never read
    assert all(b"1abcde-000001-AB" in each for each in answers[:-1])
    assert max(sizes) - sizes[0] < 8 * MEBIBYTE
    assert set(accounts.outcomes) == {POLICY}
    assert hasty.worker() == worker


def test_a_client_that_reads_slowly_gets_every_answer(daemon):
    number = 3000
    worker = daemon.worker()
    with under_load(daemon) as accounts, Line(daemon.jsonl) as slow:
        slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        asked = [accounts.new() for _ in range(number)]
        sending = threading.Thread(target=_send_all, args=(slow, b"".join(map(line, asked))))
        sending.start()
        for each, new in enumerate(asked):
            if each % 300 == 0:
                sleep(0.05)
            assert accounts.enter(new["msguid"], slow.line_or_end()) is POLICY
        sending.join()
        assert slow.rest() == b""
    assert daemon.worker() == worker


def test_many_bad_clients_at_once_cost_a_good_one_nothing(hasty):
    with under_load(hasty) as accounts, ExitStack() as stack:
        for each in range(200):
            client = stack.enter_context(Line(hasty.jsonl if each % 2 else hasty.port))
            if each % 5 == 0:
                client.send(HALF)
            elif each % 5 == 1:
                pass  # it says nothing at all
            elif each % 5 == 2:
                client.send(REQUEST * 40)  # and reads nothing
            elif each % 5 == 3:
                client.send(random.Random(each).randbytes(2000) + b"\n")
            else:
                client.send(REQUEST)
                client.half_close()
        accounts.wait_for(POLICY, 300)
    assert set(accounts.outcomes) == {POLICY}


def test_a_machine_without_another_open_file_turns_clients_away_and_answers_the_others(fresh):
    daemon = fresh().with_policy()
    worker = daemon.worker()
    with daemon.connect() as early:
        before = resource.prlimit(worker, resource.RLIMIT_NOFILE)
        resource.prlimit(worker, resource.RLIMIT_NOFILE, (30, before[1]))
        try:
            with ExitStack() as stack:
                for _ in range(60):
                    client = stack.enter_context(daemon.connect())
                    with suppress(ConnectionError):
                        client.send(REQUEST)
                for _ in range(100):
                    assert early.ask(attempt(msguid="early"))["message"] == "early"
        finally:
            resource.prlimit(worker, resource.RLIMIT_NOFILE, before)
        with under_load(daemon) as accounts:
            accounts.wait_for(POLICY, 100)
    assert daemon.worker() == worker
