"""A process that stops serving answers what its clients have sent, then closes."""

from __future__ import annotations

import json
import os
import signal
import threading
from contextlib import contextmanager, suppress

import pytest

from hookframe.testing import Client, eventually

from ..helpers.attempts import NORMAL, attempt
from ..helpers.obedient_hook import said, saying
from ..helpers.requests import fields, line
from ..helpers.serving import Serving

pytestmark = pytest.mark.slow


@pytest.fixture
def serving(fresh):
    """A daemon that serves, and how to let it stop."""
    daemon = fresh()
    daemon.write()
    return daemon.start()


def until_it_has_let_in(daemon, number):
    """Wait until so many clients beside this one are connected."""
    with daemon.connect() as other:

        def connected():
            workers = other.ask({"hookframe": "status"})["workers"]
            return sum(each["connections"] for each in workers) == number + 1

        eventually(connected)


def test_a_kept_connection_is_closed_between_two_requests(serving):
    with serving.connect() as client:
        assert client.ask(saying("first")) == said("first")
        serving.signal(signal.SIGTERM)
        assert client.rest() == b""
        with pytest.raises(BrokenPipeError):
            client.send(line(saying("next")))
    assert serving.wait() == 0


@pytest.mark.parametrize("over", ["unix", "tcp"])
def test_a_client_that_has_connected_may_still_ask(serving, over):
    with serving.connect(serving.port if over == "tcp" else None) as client:
        until_it_has_let_in(serving, 1)
        serving.signal(signal.SIGTERM)
        serving.wait_for("stopping")
        client.send(line(saying("first")))
        assert client.answer() == said("first")
        assert client.rest() == b""
    assert serving.wait() == 0


def test_a_connection_for_one_request_is_waited_for_longer_than_a_silent_one(serving):
    with serving.connect() as silent, serving.connect(serving.exim) as exim:
        until_it_has_let_in(serving, 2)
        exim.send(fields())
        serving.signal(signal.SIGTERM)
        assert silent.rest() == b""
        exim.send(b"\n")
        assert exim.rest() == b'action="normal" end="1"\n'
    assert serving.wait() == 0


@pytest.mark.parametrize("over", ["unix", "tcp"])
def test_half_a_request_is_waited_for(serving, over):
    request = line(saying("whole"))
    with serving.connect(serving.port if over == "tcp" else None) as client:
        assert client.ask(saying("first")) == said("first")
        client.send(request[:40])
        with serving.connect() as other:  # the daemon reads what came before
            assert other.ask(saying("read")) == said("read")
        serving.signal(signal.SIGTERM)
        serving.wait_for("stopping")
        client.send(request[40:])
        assert client.answer() == said("whole")
        assert client.rest() == b""
    assert serving.wait() == 0


@pytest.mark.parametrize("over", ["unix", "tcp"])
def test_a_client_that_goes_on_sending_reads_the_answers_to_a_beginning_of_it(serving, over):
    with serving.connect(serving.port if over == "tcp" else None) as client:
        assert client.ask(saying("first")) == said("first")

        def send():
            with suppress(BrokenPipeError, ConnectionResetError):
                for number in range(1_000_000):
                    client.send(line(saying(number)))

        sender = threading.Thread(target=send)
        sender.start()
        assert client.answers(100) == [said(number) for number in range(100)]
        serving.signal(signal.SIGTERM)
        number = 100
        while received := client._received.readline():  # a reset would be an error
            assert json.loads(received) == said(number)
            number += 1
        client.half_close()
        sender.join()
    assert serving.wait() == 0


def test_a_client_that_neither_reads_nor_closes_is_waited_for_no_longer_than_answer_time(fresh):
    daemon = fresh()
    daemon.write(more='[limits]\nanswer_time = "100ms"\n')
    daemon.start()
    with daemon.connect(daemon.exim), daemon.connect(daemon.port) as silent:
        until_it_has_let_in(daemon, 2)
        daemon.signal(signal.SIGTERM)
        assert silent.rest() == b""
        assert daemon.wait() == 0


class Bench(Serving):
    """The connections of one process, and what it is told of them."""

    def __init__(self, directory):
        self.errors, self.told = [], []
        self.in_use = True
        super().__init__(
            str(directory / "jsonl.sock"),
            self.errors.append,
            may_accept=lambda: self.in_use,
            on_superseded=lambda: self.told.append("superseded"),
            on_exhausted=self.told.append,
        )

    def until(self, condition):
        """Serve until a condition holds."""

        def check():
            if condition():
                self.loop.stop()
            else:
                self.loop.call_later(0.001, check)

        check_limit = self.loop.call_later(20, self.loop.stop)
        check()
        self.loop.run()
        check_limit.cancel()
        assert condition()

    def exchange(self, client, request=None):
        """Send a request, and serve until its answer has come."""
        client.send(line(request or attempt()))
        client.socket.setblocking(False)
        received = []

        def answered():
            with suppress(BlockingIOError):
                received.append(client.socket.recv(65536))
            return received

        self.until(answered)
        return received[0]


@pytest.fixture
def bench(tmp_path):
    made = Bench(tmp_path)
    yield made
    made.close()


def test_a_process_whose_policy_is_not_in_use_any_more_accepts_nobody_and_says_so(bench):
    with Client(bench.path) as early:
        assert bench.exchange(early) == line(NORMAL).replace(b" ", b"")
        bench.in_use = False
        with Client(bench.path):
            bench.until(lambda: bench.told)
            assert bench.exchange(early)
        with Client(bench.path):
            assert bench.exchange(early)
        assert bench.server.connected == 1
    assert bench.told == ["superseded"]


def test_the_end_of_a_drain_is_told_when_the_last_client_has_gone(bench):
    with Client(bench.path) as client:
        assert bench.exchange(client)
        bench.server.drain(lambda: bench.told.append("done"))
        bench.until(lambda: bench.told)
        assert bench.server.connected == 0
        assert client.socket.recv(10) == b""
    assert bench.told == ["done"]


def test_the_end_of_a_drain_without_clients_is_told_at_once(bench):
    bench.server.drain(lambda: bench.told.append("done"))
    bench.until(lambda: bench.told)


@contextmanager
def no_descriptor_left():
    """Take all descriptors that this process may open."""
    taken = [os.open(os.devnull, os.O_RDONLY)]
    with suppress(OSError):
        while True:
            taken.append(os.dup(taken[0]))
    try:
        yield
    finally:
        for number in taken:
            os.close(number)


def test_a_process_without_another_descriptor_says_so_and_answers_those_it_has(bench, log):
    with Client(bench.path) as early, Client(bench.path):
        bench.until(lambda: bench.server.connected == 2)
        with Client(bench.path) as third:
            with no_descriptor_left():
                bench.until(lambda: bench.told)
                assert bench.exchange(early)
            assert bench.exchange(third)
    assert all("Too many open files" in text for text in bench.told)
    assert "can't accept a connection" in log.errors[0]
