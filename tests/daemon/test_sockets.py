"""The addresses and the socket files: whose they are, and what becomes of them."""

from __future__ import annotations

import signal
import socket
import stat
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest

from hookframe.config.address import Address, parse_address
from hookframe.testing import Client

from ..helpers.obedient_hook import said, saying

pytestmark = pytest.mark.slow

RIVAL = Path(__file__).with_name("rival.py")
ROUNDS = 150
"""How often a race is run; without the lock one round in fifty or so goes wrong."""


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("unix:/run/hookframe/hookframe.sock", Address("jsonl", "/run/hookframe/hookframe.sock")),
        ("jsonl+unix:/a", Address("jsonl", "/a")),
        ("exim+unix:/run/hookframe/exim.sock", Address("exim", "/run/hookframe/exim.sock")),
        ("explain+unix:/a", Address("explain", "/a")),
        ("unix:/a+b", Address("jsonl", "/a+b")),
        ("exim+unix:/a+b:c", Address("exim", "/a+b:c")),
        ("unix:/" + "x" * 106, Address("jsonl", "/" + "x" * 106)),
        ("tcp:127.0.0.1:8025", Address("jsonl", host="127.0.0.1", port=8025)),
        ("tcp:127.255.0.9:0", Address("jsonl", host="127.255.0.9", port=0)),
        ("exim+tcp:127.0.0.1:65535", Address("exim", host="127.0.0.1", port=65535)),
        ("tcp:[::1]:8025", Address("jsonl", host="::1", port=8025)),
    ],
)
def test_an_address_names_a_protocol_and_a_place(text, address):
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "unix:",
        "unix:hookframe.sock",
        "unix:./hookframe.sock",
        "/run/hookframe.sock",
        "unix:/" + "x" * 107,
        "unix:/" + "é" * 54,
        "unix:/a\0b",
        "smtp+unix:/a",
        "+unix:/a",
        "exim+",
        "exim+exim+unix:/a",
        "EXIM+unix:/a",
        "tcp:",
        "tcp:8025",
        "tcp:127.0.0.1",
        "tcp:127.0.0.1:",
        "tcp::8025",
        "tcp:localhost:8025",
        "tcp:127.0.0.1:65536",
        "tcp:127.0.0.1:-1",
        "tcp:127.0.0.1:80a",
        "tcp:127.0.0.1:\u0661",
        "tcp:127.0.0.1: 80",
        "tcp:127.0.0.256:80",
        "tcp:127.1:80",
        "udp:127.0.0.1:80",
    ],
)
def test_what_is_no_address_is_refused(text):
    with pytest.raises(ValueError, match=r"expected|must be|at most|no address"):
        parse_address(text)


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "192.0.2.1", "[2001:db8::1]", "10.0.0.1"])
def test_an_address_that_others_can_reach_needs_allow_remote(host):
    with pytest.raises(ValueError, match="allow_remote"):
        parse_address(f"tcp:{host}:8025")
    assert parse_address(f"tcp:{host}:8025", allow_remote=True).port == 8025


def test_the_daemon_refuses_a_remote_address_and_says_how_to_allow_it(fresh):
    daemon = fresh()
    daemon.write(listen=["tcp:0.0.0.0:0"])
    daemon.launch()
    assert daemon.wait() == 1
    assert "allow_remote = true" in daemon.output


def test_a_unix_socket_is_for_its_owner_and_group(fresh):
    daemon = fresh()
    daemon.write()
    daemon.start("sh", "-c", 'umask 0; exec "$@"', "sh")
    for path in (daemon.jsonl, daemon.exim, daemon.explain):
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
    assert stat.S_ISSOCK(daemon.jsonl.stat().st_mode)


def test_the_socket_mode_does_not_leak_into_what_a_hook_creates(fresh):
    daemon = fresh()
    made = "import pathlib\npathlib.Path(__file__).with_name('made').touch()\n"
    daemon.write(made + "def pre_delivery_attempt(): pass\n")
    daemon.start("sh", "-c", 'umask 022; exec "$@"', "sh")
    assert stat.S_IMODE((daemon.directory / "made").stat().st_mode) == 0o644


def test_every_address_of_the_list_is_served(daemon):
    assert daemon.ask(saying("unix")) == said("unix")
    assert daemon.ask(saying("tcp"), daemon.port) == said("tcp")
    assert daemon.ask(saying("explain"), daemon.explain)["decision"] == said("explain")
    assert daemon.exchange(b"\n", daemon.exim).startswith(b'action="pause"')


def test_the_log_says_where_the_daemon_listens(daemon):
    written = daemon.wait_for("listening on")
    assert f"jsonl+unix:{daemon.jsonl}" in written
    assert f"exim+unix:{daemon.exim}" in written
    assert f"jsonl+tcp:127.0.0.1:{daemon.port[1]}" in written


def test_an_ipv6_loopback_address_is_served(fresh):
    daemon = fresh()
    daemon.write(listen=[f"unix:{daemon.jsonl}", "exim+tcp:[::1]:0"])
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")
    daemon.start()
    assert "exim+tcp:[::1]:" in daemon.wait_for("listening on")


def test_a_unix_socket_that_is_taken_ends_the_start_with_a_clear_line(fresh, daemon):
    second = fresh()
    second.write(listen=[f"unix:{second.jsonl}", f"exim+unix:{daemon.exim}"])
    second.launch()
    assert second.wait() == 1
    assert len(second.output.splitlines()) == 1
    assert f"unix:{daemon.exim} is taken: another process listens there" in second.output
    assert not second.jsonl.exists()
    assert daemon.exchange(b"\n", daemon.exim).startswith(b'action="pause"')


def test_a_tcp_port_that_is_taken_ends_the_start_with_a_clear_line(fresh, daemon):
    second = fresh()
    second.write(listen=[f"tcp:127.0.0.1:{daemon.port[1]}"])
    second.launch()
    assert second.wait() == 1
    assert len(second.output.splitlines()) == 1
    assert f"tcp:127.0.0.1:{daemon.port[1]} is taken" in second.output


def test_the_socket_that_a_killed_daemon_left_is_replaced_and_said(fresh):
    daemon = fresh()
    daemon.write()
    daemon.start()
    daemon.signal(signal.SIGKILL)
    assert daemon.wait() == -signal.SIGKILL
    assert daemon.jsonl.exists()
    daemon.launch()
    daemon.wait_for("listening on", 2)
    assert str(daemon.jsonl) in daemon.wait_for("replaced the stale socket file")
    assert daemon.ask(saying("again")) == said("again")


def test_a_regular_file_in_the_sockets_place_is_refused_and_left_alone(fresh):
    daemon = fresh()
    daemon.write()
    daemon.jsonl.write_text("precious")
    daemon.launch()
    assert daemon.wait() == 1
    assert str(daemon.jsonl) in daemon.output
    assert "not a socket" in daemon.output
    assert daemon.jsonl.read_text() == "precious"


def test_a_symbolic_link_in_the_sockets_place_is_refused_and_left_alone(fresh):
    daemon = fresh()
    daemon.write()
    precious = daemon.directory / "precious"
    precious.write_text("precious")
    daemon.jsonl.symlink_to(precious)
    daemon.launch()
    assert daemon.wait() == 1
    assert daemon.jsonl.is_symlink()
    assert precious.read_text() == "precious"


def test_a_directory_that_does_not_exist_is_named(fresh):
    daemon = fresh()
    missing = daemon.directory / "missing"
    daemon.write(listen=[f"unix:{missing}/hookframe.sock"])
    daemon.launch()
    assert daemon.wait() == 1
    assert f"the directory {missing} does not exist" in daemon.output


def test_a_file_where_a_directory_should_be_is_a_clear_line(fresh):
    daemon = fresh()
    daemon.write(listen=[f"unix:{daemon.hook_file}/hookframe.sock"])
    daemon.launch()
    assert daemon.wait() == 1
    assert str(daemon.hook_file) in daemon.output


def test_a_directory_in_which_nobody_may_make_a_socket_is_a_clear_line(fresh):
    daemon = fresh()
    daemon.write(listen=["unix:/sys/hookframe.sock"])
    daemon.launch()
    assert daemon.wait() == 1
    assert len(daemon.output.splitlines()) == 1
    assert "can't listen on unix:/sys/hookframe.sock" in daemon.output


def test_the_socket_of_another_daemon_in_the_same_place_survives_the_exit(fresh):
    daemon, successor = fresh(), fresh()
    daemon.write(listen=[f"unix:{daemon.jsonl}"])
    daemon.start()
    daemon.jsonl.unlink()
    successor.write(listen=[f"unix:{daemon.jsonl}"])
    successor.start()
    assert daemon.stop() == 0
    with Client(daemon.jsonl) as client:
        assert client.ask(saying("the successor")) == said("the successor")
    assert successor.stop() == 0
    assert not daemon.jsonl.exists()


def test_a_socket_file_that_has_gone_is_no_trouble_at_the_exit(fresh):
    daemon = fresh()
    daemon.write()
    daemon.start()
    daemon.jsonl.unlink()
    assert daemon.stop() == 0


class Rival:
    """A process that wants to listen; see rival.py."""

    def __init__(self, path):
        self._process = subprocess.Popen(
            [sys.executable, RIVAL, path],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            encoding="utf-8",
        )

    def tell(self, command):
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()

    def answer(self):
        return self._process.stdout.readline().strip()

    def do(self, command):
        self.tell(command)
        return self.answer()

    def close(self):
        self._process.communicate()


@pytest.fixture
def rivals(tmp_path):
    """Processes that want to listen on one path, and the path."""
    path = tmp_path / "s"
    with ExitStack() as stack:
        processes = [Rival(path) for _ in range(4)]
        for process in processes:
            stack.callback(process.close)
        yield processes, path


def leave_stale(path):
    """Leave the socket file of a process that has died."""
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))


def is_reached(path, rival):
    """Say whether who connects to a path reaches a process."""
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(path))
        return rival.do("accept") == "accepted"


def test_of_several_that_find_a_stale_socket_at_once_one_listens_and_is_reached(rivals):
    processes, path = rivals
    for _ in range(ROUNDS):
        leave_stale(path)
        for process in processes:
            process.tell("listen")
        answers = [process.answer() for process in processes]
        winners = [
            each for each, said in zip(processes, answers, strict=True) if said == "listening"
        ]
        refused = [said for said in answers if said != "listening"]
        assert len(winners) == 1, answers
        assert all("another process listens there" in said for said in refused), answers
        assert is_reached(path, winners[0])
        assert winners[0].do("stop") == "stopped"
        assert list(path.parent.iterdir()) == []


def test_one_that_starts_while_another_stops_keeps_its_socket_file(rivals):
    (leaving, coming, *_), path = rivals
    for _ in range(ROUNDS):
        assert leaving.do("listen") == "listening"
        leaving.tell("stop")
        coming.tell("listen")
        assert leaving.answer() == "stopped"
        if coming.answer() == "listening":
            assert is_reached(path, coming)
            assert coming.do("stop") == "stopped"
        assert list(path.parent.iterdir()) == []


def test_the_lock_that_a_killed_process_left_holds_nobody_up(fresh):
    daemon = fresh()
    daemon.write(listen=[f"unix:{daemon.jsonl}"])
    lock = daemon.directory / "jsonl.sock.lock"
    lock.touch(0o600)
    daemon.start()
    assert not lock.exists()


def test_somebody_who_looks_whether_it_is_alive_is_no_client_of_a_daemon(fresh, daemon):
    second = fresh()
    second.write(listen=[f"exim+unix:{daemon.exim}"])
    before = daemon.output.count("Invalid attempt")
    second.launch()
    assert second.wait() == 1
    assert daemon.exchange(b"\n", daemon.exim).startswith(b'action="pause"')
    daemon.wait_for("Invalid attempt", before + 1)
    assert daemon.output.count("Invalid attempt") == before + 1


def test_a_daemon_whose_backlog_is_full_is_taken_to_be_alive(fresh, tmp_path):
    path = tmp_path / "s"
    daemon = fresh()
    daemon.write(listen=[f"unix:{path}"])
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(str(path))
        server.listen(0)
        client.connect(str(path))
        daemon.launch()
        assert daemon.wait() == 1
    assert "another process listens there" in daemon.output
