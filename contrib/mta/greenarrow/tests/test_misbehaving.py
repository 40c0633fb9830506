"""Daemons that hang, die and talk nonsense: never a wrong answer, never more than the deadline."""

from __future__ import annotations

import fcntl
import select
import signal
import socket
import struct
import termios
import threading
import time
from contextlib import suppress

import pytest

from .host import PATIENCE, SHORT, TEMPFAIL
from .servers import answer_all, answer_one, dumped, request_on

HAS_IPV6 = True
try:
    with socket.socket(socket.AF_INET6) as probe:
        probe.bind(("::1", 0))
except OSError:
    HAS_IPV6 = False

ANSWERS = {
    "not json": (b"550 go away\n", "answers [550 go away"),
    "an empty line": (b"\n", "instead of one line with a JSON object"),
    "not utf-8": (b'{"action":"dump","message":"\xff"}\n', r"\x{ff}"),
    "half a surrogate pair": (b'{"action":"dump","message":"\\ud800"}\n', "instead of one line"),
    "a list": (b'["normal"]\n', "instead of one line with a JSON object"),
    "a word": (b"true\n", "instead of one line with a JSON object"),
    "null": (b"null\n", "instead of one line with a JSON object"),
    "two answers": (b'{"action":"normal"}\n{"action":"dump"}\n', "instead of one line"),
    "more than an answer": (b'{"action":"normal"}\n{', "instead of one line"),
    "the protocol exim": (b'action="normal" end="1"\n', "with the protocol jsonl?"),
    "the protocol explain": (b'{"decision":{"action":"normal"}}\n', "speak the protocol jsonl?"),
    "no action": (b"{}\n", "answers with the action []; known are dump, new_config"),
    "an unknown action": (b'{"action":"reject"}\n', "answers with the action [reject]"),
    "an action that is none": (b'{"action":{}}\n', "answers with the action [HASH"),
    "an unknown key": (b'{"action":"normal","colour":"red"}\n', "with the key [colour]"),
    "a key of another action": (b'{"action":"dump","new_sender":""}\n', "the key [new_sender]"),
    "a domain with a pause": (
        b'{"action":"pause","deliver_as_if_to_domain":"a.example"}\n',
        "with the key [deliver_as_if_to_domain]",
    ),
    "a message that is none": (b'{"action":"dump","message":[]}\n', "message that is not a string"),
    "a null": (b'{"action":"dump","message":null}\n', "message that is not a string"),
    "a boolean": (b'{"action":"new_mtaid","new_mtaid":true}\n', "new_mtaid that is not a string"),
    "a required key that is missing": (b'{"action":"new_mtaid"}\n', "without saying which"),
    "an error": (b'{"action":"pause","message":"x","error":true}\n', "hookframe's policy failed"),
    "an escape sequence": (b"\x1b[2J\n", r"\x{1b}"),
}  # fmt: skip


def assert_failed(outcome, *told):
    """Check that an attempt is a temporary failure of one line that says what is told."""
    assert outcome["decision"] == TEMPFAIL
    assert "\n" not in outcome["error"]
    assert outcome["error"].startswith("Exception running pre_delivery_attempt_hook: hookframe: ")
    for text in told:
        assert text in outcome["error"]


def wait_for_the_end(connection):
    """Wait until the client closes; it must not have sent more."""
    assert request_on(connection) is None


def wait_until_hung_up(connection):
    """Wait until the client closes, without reading."""
    poll = select.poll()
    poll.register(connection, select.POLLHUP)
    assert poll.poll(PATIENCE * 1000)


def send_until_closed(connection, data):
    """Send the same again and again, each time the client has read it, until it closes."""
    with suppress(ConnectionError):
        while True:
            connection.sendall(data)
            wait_until_read(connection)


def wait_until_read(connection):
    """Wait until the client has taken all that was sent to it."""
    until = time.monotonic() + PATIENCE
    while struct.unpack("i", fcntl.ioctl(connection, termios.TIOCOUTQ, b"\0" * 4))[0]:
        assert time.monotonic() < until
        time.sleep(0.001)  # nothing tells


@pytest.mark.parametrize(("answer", "told"), ANSWERS.values(), ids=ANSWERS)
def test_an_answer_that_is_no_decision_is_a_temporary_failure_and_says_what_is_wrong(
    host, serve, answer, told
):
    def nonsense(connection):
        request_on(connection)
        connection.sendall(answer)
        answer_all(connection)

    asking = host(serve(nonsense, answer_all).address)
    outcome = asking.call()
    assert_failed(outcome, told)
    assert outcome["deaths"] == 1, "the host's own handler hears of one death"
    assert asking.call(recipient="next@example.net")["decision"] == dumped("next@example.net")


@pytest.mark.parametrize("answer", [b'{"action":"nor', b'{"action":"normal"}', b"{"])
def test_an_answer_that_is_cut_is_a_temporary_failure_and_is_not_asked_for_again(
    host, serve, answer
):
    def cut(connection):
        answer_one(connection)
        request_on(connection)
        connection.sendall(answer)

    server = serve(cut, answer_all)
    asking = host(server.address)
    asking.call()
    outcome = asking.call()
    assert_failed(outcome, f"ended in the middle of an answer: [{answer.decode()}]")
    assert (outcome["kept"], server.connections) == (0, 1)
    assert asking.call(recipient="next@example.net")["decision"] == dumped("next@example.net")


def test_an_answer_without_end_is_not_read_to_the_end(host, serve):
    def endless(connection):
        request_on(connection)
        send_until_closed(connection, b"x" * 65536)

    outcome = host(serve(endless).address).call()
    assert_failed(outcome, "answers with more than 65536 bytes: [xxxx")


def test_an_answer_may_come_byte_by_byte(host, serve):
    def slow(connection):
        request_on(connection)
        for each in b'{"action":"dump","message":"\xe2\x98\x83"}\n':
            connection.sendall(bytes([each]))
            wait_until_read(connection)
        answer_all(connection)

    asking = host(serve(slow).address)
    assert asking.call()["decision"] == dumped("\xe2\x98\x83")
    assert asking.call(recipient="next@example.net")["decision"] == dumped("next@example.net")


def test_a_connection_is_kept(host, serve):
    server = serve(answer_all)
    asking = host(server.address)
    for number in range(50):
        assert asking.call(recipient=str(number))["decision"] == dumped(str(number))
    assert server.connections == 1


@pytest.mark.parametrize("ip", ["127.0.0.1", *(["::1"] if HAS_IPV6 else [])])
def test_tcp_is_spoken(host, serve, ip):
    server = serve(answer_all, at=ip)
    asking = host(server.address)
    for number in range(5):
        assert asking.call(recipient=str(number))["decision"] == dumped(str(number))
    assert server.connections == 1


def test_a_daemon_that_hangs_costs_the_deadline_and_its_late_answer_is_nobodys(host, serve):
    late, was_closed = threading.Event(), threading.Event()

    def hanging(connection):
        answer_one(connection)
        request_on(connection)
        assert late.wait(PATIENCE)
        with pytest.raises(ConnectionError):  # the client has closed it
            connection.sendall(b'{"action":"dump","message":"late"}\n')
        was_closed.set()

    server = serve(hanging, answer_all)
    asking = host(server.address)
    asking.call()
    asking.deadline(SHORT)
    outcome = asking.call()
    assert_failed(outcome, f"{server.address} took longer than {SHORT} s to answer; see what holds")
    assert (outcome["kept"], server.connections) == (0, 1), "after a timeout nothing is tried again"
    late.set()
    assert was_closed.wait(PATIENCE)
    asking.deadline(PATIENCE)
    assert asking.call(recipient="next@example.net")["decision"] == dumped("next@example.net")


def test_bytes_that_keep_coming_do_not_put_the_deadline_off(host, serve):
    def trickling(connection):
        request_on(connection)
        send_until_closed(connection, b" ")

    asking = host(serve(trickling).address)
    asking.deadline(SHORT)
    assert_failed(asking.call(), f"took longer than {SHORT} s to answer")


def test_the_deadline_is_one_for_the_old_connection_and_the_new_one(host, serve):
    def closing(connection):
        answer_one(connection)
        request_on(connection)

    def hanging(connection):
        request_on(connection)
        wait_for_the_end(connection)

    server = serve(closing, hanging)
    asking = host(server.address)
    asking.call()
    asking.deadline(SHORT)
    assert_failed(asking.call(), f"took longer than {SHORT} s to answer")
    assert server.connections == 2


@pytest.mark.slow
def test_a_daemon_that_does_not_read_costs_the_deadline(host, serve):
    ended = threading.Event()

    def deaf(_):
        assert ended.wait(PATIENCE)

    asking = host(serve(deaf).address)
    asking.deadline(SHORT)
    try:
        assert_failed(asking.call(recipient="x" * 1_000_000), f"than {SHORT} s to take the attempt")
    finally:
        ended.set()


@pytest.mark.slow
def test_a_large_attempt_arrives_whole(host, serve):
    recipient = "x" * 1_000_000
    sizes = []

    def counting(connection):
        sizes.append(len(request_on(connection)["recipient"]))
        connection.sendall(b'{"action":"normal"}\n')

    assert host(serve(counting).address).call(recipient=recipient)["error"] == ""
    assert sizes == [len(recipient)]


@pytest.fixture
def crowded(directory, stack):
    """A socket at which as many wait as may."""
    listening = stack.enter_context(socket.socket(socket.AF_UNIX))
    listening.bind(str(directory / "crowded"))
    listening.listen(0)
    for _ in range(100):
        waiting = stack.enter_context(socket.socket(socket.AF_UNIX))
        waiting.setblocking(False)
        try:
            waiting.connect(str(directory / "crowded"))
        except BlockingIOError:
            return listening, f"unix:{directory}/crowded"
    raise AssertionError("there is room for everybody")


def test_a_daemon_that_lets_nobody_in_costs_the_deadline(host, crowded):
    asking = host(crowded[1])
    asking.deadline(SHORT)
    assert_failed(asking.call(), f"took longer than {SHORT} s to take the connection")


def test_who_finds_no_room_at_first_waits_until_there_is(host, crowded):
    listening, address = crowded
    outcomes = []
    asking = host(address)
    asked = threading.Thread(target=lambda: outcomes.append(asking.call(recipient="let in")))
    asked.start()
    listening.settimeout(PATIENCE)
    while not outcomes:
        connection, _ = listening.accept()
        with connection:
            connection.settimeout(PATIENCE)
            request = request_on_if_any(connection)
            if request:
                answer_one(connection, request)
                asked.join()
    assert outcomes[0]["decision"] == dumped("let in")


def request_on_if_any(connection):
    """Read an attempt of the host's; the others only stand in its way, and say nothing."""
    readable, _, _ = select.select([connection], [], [], 0.2)
    return request_on(connection) if readable else None


def closed(connection):
    """Closed between two calls."""
    answer_one(connection)


def closed_after_reading(connection):
    """Closed when the attempt has been read."""
    answer_one(connection)
    request_on(connection)


def closed_without_reading(connection):
    """Closed with the attempt unread, which resets the connection."""
    answer_one(connection)
    assert select.select([connection], [], [], PATIENCE)[0]


@pytest.mark.parametrize(
    "stale", [closed, closed_after_reading, closed_without_reading], ids=lambda each: each.__name__
)
@pytest.mark.parametrize("where", ["unix", "127.0.0.1"])
def test_a_kept_connection_that_has_ended_is_replaced(host, serve, stale, where):
    server = serve(stale, answer_all, at=None if where == "unix" else where)
    asking = host(server.address)
    for name in ("first", "second", "third"):
        assert asking.call(recipient=name)["decision"] == dumped(name)
    assert server.connections == 2


def test_writing_to_a_daemon_that_reads_no_more_does_not_end_the_host(host, serve):
    shut = threading.Event()

    def shut_for_reading(connection):
        answer_one(connection)
        connection.shutdown(socket.SHUT_RD)
        shut.set()
        wait_until_hung_up(connection)

    server = serve(shut_for_reading, answer_all)
    asking = host(server.address)
    asking.call()
    assert shut.wait(PATIENCE)
    outcome = asking.call(recipient="second")
    assert outcome["decision"] == dumped("second")
    assert server.connections == 2
    assert outcome["sigpipe"] in (None, "", "DEFAULT"), "the host's own way is back in its place"


def closed_at_once(connection):
    """Closed with the attempt unread, on a new connection."""
    assert select.select([connection], [], [], PATIENCE)[0]


def shut_at_once(connection):
    """Closed before the attempt comes."""


@pytest.mark.parametrize(
    "end", [request_on, closed_at_once, shut_at_once], ids=["read", "unread", "before"]
)
@pytest.mark.parametrize("where", ["unix", "127.0.0.1"])
def test_an_attempt_is_asked_about_again_up_to_three_times(host, serve, end, where):
    at = None if where == "unix" else where
    server = serve(end, end, end, answer_all, at=at)
    assert host(server.address).call(recipient="first")["decision"] == dumped("first")
    assert server.connections == 4


def test_an_attempt_whose_connections_end_four_times_is_a_temporary_failure(host, serve):
    server = serve(request_on, request_on, request_on, request_on, answer_all)
    asking = host(server.address)
    outcome = asking.call()
    assert_failed(outcome, "ended the connection without an answer, 4 times; the daemon's log")
    assert (outcome["kept"], server.connections) == (0, 4)
    assert asking.call()["error"] == ""


def test_after_a_kept_connection_three_others_are_tried(host, serve):
    server = serve(closed_after_reading, request_on, request_on, request_on, answer_all)
    asking = host(server.address)
    asking.call()
    assert_failed(asking.call(), "ended the connection without an answer, 4 times")
    assert server.connections == 4


def test_what_nobody_has_asked_for_is_never_taken_for_an_answer(host, serve):
    sent = threading.Event()

    def talkative(connection):
        answer_one(connection)
        wait_until_read(connection)
        connection.sendall(b'{"action":"dump","message":"unasked"}\n')
        sent.set()
        with suppress(ConnectionError):  # it may be closed with something unread
            wait_for_the_end(connection)

    asking = host(serve(talkative, answer_all).address)
    assert asking.call(recipient="first")["decision"] == dumped("first")
    assert sent.wait(PATIENCE)
    assert asking.call(recipient="second")["decision"] == dumped("second")


def test_a_signal_of_the_hosts_own_does_not_disturb_the_call(host, serve):
    has_asked, may_answer = threading.Event(), threading.Event()

    def waiting(connection):
        asked = request_on(connection)
        has_asked.set()
        assert may_answer.wait(PATIENCE)
        answer_one(connection, asked)

    asking = host(serve(waiting).address)
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(asking.call(recipient="me")))
    thread.start()
    assert has_asked.wait(PATIENCE)
    for _ in range(20):
        asking.interrupt(signal.SIGUSR1)
    may_answer.set()
    thread.join()
    assert outcomes[0]["decision"] == dumped("me")


def test_a_host_that_breaks_the_call_off_never_gets_its_answer_later(host, serve):
    has_asked = threading.Event()

    def hanging(connection):
        request_on(connection)
        has_asked.set()
        wait_for_the_end(connection)

    asking = host(serve(hanging, answer_all).address)
    outcomes = []
    thread = threading.Thread(target=lambda: outcomes.append(asking.call()))
    thread.start()
    assert has_asked.wait(PATIENCE)
    asking.interrupt(signal.SIGUSR2)
    thread.join()
    assert outcomes[0]["error"].endswith("the host has been interrupted")
    assert outcomes[0]["kept"] == 0
    assert asking.call(recipient="next")["decision"] == dumped("next")


def test_a_file_that_is_loaded_again_begins_with_a_connection_of_its_own(host, serve):
    ended = threading.Event()

    def until_the_end(connection):
        answer_all(connection)
        ended.set()

    server = serve(until_the_end, answer_all)
    asking = host(server.address)
    asking.call()
    asking.load()
    assert ended.wait(PATIENCE), "the connection has gone with the old state"
    assert asking.call(recipient="next")["decision"] == dumped("next")
    assert server.connections == 2


def test_a_host_may_hold_more_files_open_than_a_set_of_select_has_room_for(host, serve):
    asking = host(serve(answer_all).address)
    asking.tell(open=1100)
    assert asking.call(recipient="far up")["decision"] == dumped("far up")


def test_the_hosts_default_layers_of_streams_do_no_harm(host, serve, monkeypatch):
    monkeypatch.setenv("PERL_UNICODE", "D")
    asking = host(serve(answer_all).address)
    name = "jürgen☃".encode()
    assert asking.call(recipient=name)["decision"] == dumped(name.decode("latin-1"))
