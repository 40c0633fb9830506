"""What one client may cost the others: nothing (CONTRACT 8)."""

from __future__ import annotations

import itertools
import os
import socket
import struct
import threading

import pytest

from hookframe.daemon.server.connection import SLICE
from hookframe.testing import eventually

from ..helpers.attempts import TEMPFAIL, attempt
from ..helpers.daemons import Daemon
from ..helpers.obedient_hook import counted, number, said, saying
from ..helpers.requests import flood, line, padded

pytestmark = pytest.mark.slow

MEBIBYTE = 1024 * 1024
LONG = "€" * 480
"""A message that makes an answer of one and a half kilobytes."""


def test_a_client_that_pipelines_to_a_slow_hook_starves_nobody(daemon):
    with daemon.connect() as greedy, daemon.connect() as modest:
        greedy.send(line(counted(seconds=0.02)) * 60)
        first = number(greedy.answer())
        assert first < number(modest.ask(counted())) < first + 60
        assert len(greedy.answers(59)) == 59


def test_many_clients_that_pipeline_to_a_slow_hook_starve_nobody(daemon):
    with daemon.connect() as modest:
        greedy = [daemon.connect() for _ in range(5)]
        for client in greedy:
            client.send(line(counted(seconds=0.02)) * 15)
        first = number(greedy[0].answer())
        assert first < number(modest.ask(counted())) < first + 74
        last = max(number(each) for client in greedy[1:] for each in client.answers(15))
        assert number(modest.ask(counted())) > last
        for client in greedy:
            client.close()


def test_clients_that_have_sent_much_when_they_are_let_in_have_their_turns_by_turns(fresh):
    daemon = fresh()
    gate = daemon.directory / "gate"
    os.mkfifo(gate)
    daemon.write(more='deadline = "1h"\n')
    daemon.start()
    with daemon.connect(daemon.port) as before:
        before.send(line(attempt(returns=f"open({str(gate)!r}).read() or None")))
        with gate.open("w"):  # while the daemon waits there
            clients = [daemon.connect() for _ in range(2)]
            for client in clients:
                client.send(line(counted()) * 5 * SLICE)
        numbers = [[number(each) for each in client.answers(5 * SLICE)] for client in clients]
        for client in clients:
            client.close()
    one_is_done = min(each[-1] for each in numbers)
    assert max(longest_run(each, until=one_is_done) for each in numbers) <= SLICE


def longest_run(numbers, until):
    """How many of these come one directly after another, at most, up to a certain one."""
    groups = itertools.groupby(
        enumerate(each for each in numbers if each <= until), lambda pair: pair[1] - pair[0]
    )
    return max(len(list(group)) for _, group in groups)


def test_a_client_that_sends_and_does_not_read_costs_neither_memory_nor_the_others(fresh):
    daemon = fresh()
    daemon.write()
    daemon.start()
    assert daemon.ask(saying(LONG)) == said(LONG)
    before = daemon.memory()
    request = padded(60_000, reply=said(LONG)) + b"\n"
    sent = [0]

    def send():
        for _ in range(1000):
            deaf.send(request)
            sent[0] += 1

    with daemon.connect() as deaf, daemon.connect() as other:
        sender = threading.Thread(target=send)
        sender.start()
        try:
            last, unchanged = -1, 0
            while unchanged < 300 or not last:
                assert other.ask(saying("meanwhile")) == said("meanwhile")
                unchanged = unchanged + 1 if sent[0] == last else 0
                last = sent[0]
            assert 0 < last < 1000, "the daemon took everything, though nobody read its answers"
        finally:
            answers = deaf.answers(1000)
            sender.join()
    assert answers == [said(LONG)] * 1000
    assert daemon.memory() - before < 30 * MEBIBYTE


def test_a_thousand_requests_of_a_client_that_reads_late_are_answered_in_order(daemon):
    requests = b"".join(line(saying(each)) for each in range(1000))
    with daemon.connect() as late, daemon.connect() as other:
        sender = threading.Thread(target=late.send, args=(requests,))
        sender.start()
        try:
            assert other.ask(saying("meanwhile")) == said("meanwhile")
        finally:
            answers = late.answers(1000)
            sender.join()
    assert answers == [said(each) for each in range(1000)]


@pytest.fixture(scope="module")
def hasty():
    """A daemon that has little patience, if more than a busy client needs."""
    running = Daemon()
    try:
        running.write(more='[limits]\nidle_time = "1s"\nanswer_time = "100ms"\n')
        running.start()
        yield running
    finally:
        running.close()


@pytest.mark.parametrize("sent", [b"", b'{"mtaid"', line(saying("half"))[:-1]])
def test_a_client_that_sends_no_whole_request_in_idle_time_is_closed(hasty, sent):
    with hasty.connect() as client:
        client.send(sent)
        assert client.rest() == b""


def test_an_exim_client_that_sends_no_whole_request_in_idle_time_is_closed(hasty):
    with hasty.connect(hasty.exim) as client:
        client.send(b"mtaid=")
        assert client.rest() == b""


def test_a_client_that_goes_silent_after_its_answers_is_closed(hasty):
    with hasty.connect() as client:
        assert client.ask(saying("first")) == said("first")
        assert client.rest() == b""


def test_a_client_that_only_trickles_is_closed(hasty):
    trickling = hasty.connect()
    ended = threading.Event()
    watcher = threading.Thread(target=lambda: (trickling.rest(), ended.set()))
    watcher.start()
    try:
        with hasty.connect() as clock:
            while not ended.is_set():
                assert clock.ask(saying("tick")) == said("tick")
                try:
                    trickling.send(b" ")
                except BrokenPipeError:
                    break
    finally:
        watcher.join()
        trickling.close()


def test_a_client_that_keeps_asking_is_not_idle(hasty):
    with hasty.connect() as silent, hasty.connect() as busy:
        ended = threading.Event()
        watcher = threading.Thread(target=lambda: (silent.rest(), ended.set()))
        watcher.start()
        try:
            while not ended.is_set():
                assert busy.ask(saying("busy")) == said("busy")
            assert busy.ask(saying("busy")) == said("busy")
        finally:
            watcher.join()


def test_a_client_that_does_not_read_its_answers_in_answer_time_is_closed(hasty):
    with hasty.connect() as deaf:
        flood(deaf, line(saying(LONG)) * 10)
    assert hasty.ask(saying("unharmed")) == said("unharmed")


def test_a_half_closed_client_that_does_not_read_its_answers_is_closed_too(hasty):
    short = attempt(returns="{'action': 'pause', 'message': '€' * 480}")
    with hasty.connect() as deaf:
        deaf.send(line(short) * 400)
        deaf.half_close()
        for _ in range(3):
            with hasty.connect() as idle:
                assert idle.rest() == b""
        assert deaf.rest().count(b"\n") < 400


def clients_seen_by(client):
    """Ask the daemon how many clients are connected."""
    workers = client.ask({"hookframe": "status"})["workers"]
    return sum(each["connections"] for each in workers)


def test_clients_above_the_limit_are_turned_away_until_one_has_gone(fresh):
    daemon = fresh()
    daemon.write(more="[limits]\nconnections = 2\n")
    daemon.start()
    with daemon.connect() as first, daemon.connect(daemon.exim) as second:
        assert first.ask(saying("in")) == said("in")
        eventually(lambda: clients_seen_by(first) == 2)  # what connects first need not be first in
        with daemon.connect() as third:
            assert third.rest() == b""
        assert "limits.connections" in daemon.wait_for("2 clients are connected")
        assert first.ask(saying("still in")) == said("still in")
        second.half_close()
        second.rest()
        assert daemon.ask(saying("room again")) == said("room again")


def test_idle_clients_take_no_open_file_that_a_reload_needs(fresh):
    daemon = fresh()
    daemon.write()
    daemon.start("sh", "-c", 'ulimit -n 120; exec "$@"', "sh")
    assert "120 open files" in daemon.wait_for("WARNING")
    idle = []
    try:
        with daemon.connect() as early:
            assert early.ask(saying("early")) == said("early")
            idle += [daemon.connect() for _ in range(200)]
            assert early.ask(saying("full")) == said("full")
            daemon.save(daemon.hook_file, daemon.hook_file.read_text() + "\n# changed\n")
            daemon.wait_for("generation 2")
            assert early.ask(saying("reloaded")) == said("reloaded")
    finally:
        for client in idle:
            client.close()
    assert "error loading" not in daemon.output


def test_a_hundred_bad_requests_harm_no_other(daemon):
    bad = [b"\n", b"{\n", b"\xff\n", b"null\n", b'{"mtaid": 1}\n', b"[" * 500 + b"\n"]
    with daemon.connect() as good, daemon.connect() as client:
        for each in range(100):
            client.send(bad[each % len(bad)])
            assert good.ask(saying(each)) == said(each)
        assert client.answers(100) == [TEMPFAIL] * 100


def test_a_hundred_bad_requests_among_good_ones_in_one_packet_harm_none_of_them(daemon):
    bad = [b"\n", b"{\n", b"\xff\n", b"null\n", b'{"mtaid": 1}\n', b"[" * 500 + b"\n"]
    with daemon.connect() as client:
        client.send(b"".join(bad[n % len(bad)] + line(saying(n)) for n in range(100)))
        expected = itertools.chain.from_iterable((TEMPFAIL, said(n)) for n in range(100))
        assert client.answers(200) == list(expected)


def test_clients_that_go_away_at_any_moment_harm_no_other(daemon):
    request = line(saying("x" * 400))
    with daemon.connect() as good:
        for each in range(60):
            with daemon.connect(daemon.exim if each % 3 == 0 else None) as leaving:
                leaving.send((request * 100)[: each * 700 + each])
                if each % 2:
                    leaving.half_close()
            assert good.ask(saying(each)) == said(each)


def test_clients_that_reset_their_connections_harm_no_other(daemon):
    with daemon.connect() as good:
        for each in range(20):
            with daemon.connect(daemon.port) as leaving:
                leaving.send(line(attempt()) * each * 50)
                at_once = struct.pack("ii", 1, 0)
                leaving.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            assert good.ask(saying(each)) == said(each)
