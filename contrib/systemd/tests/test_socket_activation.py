"""systemd's own tool opens sockets, and starts the daemon when the first client comes."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from hookframe.testing import Client, make_attempt

from .conftest import PATIENCE

pytestmark = pytest.mark.slow

HOOK = (
    'def pre_delivery_attempt(attempt): return {"action": "dump", "message": attempt["sendid"]}\n'
)
DUMPED = {"action": "dump", "message": "newsletter"}


@pytest.fixture
def activated(tool, tmp_path):
    """Have systemd-socket-activate listen, and start the daemon for the first client."""
    (tmp_path / "hook.py").write_text(HOOK)
    (tmp_path / "hook.py").chmod(0o644)
    with ExitStack() as stack:

        def activated(*addresses, names="", configuration=""):
            path = tmp_path / "hookframe.toml"
            path.write_text(f'hook_file = "hook.py"\n{configuration}')
            options = [f"--listen={address}" for address in addresses]
            options += [f"--fdname={names}"] if names else []
            process = subprocess.Popen(
                [tool("systemd-socket-activate"), "-E", "PYTHONSAFEPATH=1", *options,
                 sys.executable, "-m", "hookframe", "serve", "--config", path],
                stderr=subprocess.PIPE, encoding="utf-8", cwd=tmp_path,
            )  # fmt: skip
            stack.callback(ended, process)
            end = time.monotonic() + PATIENCE
            while not all(map(is_listened_to, addresses)):
                assert time.monotonic() < end, process.poll()
                time.sleep(0.01)  # nothing tells, and a connection would start the daemon
            return process

        yield activated


def is_listened_to(address):
    """Ask the kernel whether a socket listens at a path or IP:PORT (proc(5): net/unix, net/tcp)."""
    if isinstance(address, Path):
        sockets = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()]
        accepting = {each[-1] for each in sockets if each[3] == "00010000"}
        return str(address) in accepting
    port = f":{int(address.rpartition(':')[2]):04X}"
    sockets = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    return any(each[1].endswith(port) and each[3] == "0A" for each in sockets)


def ended(process):
    """End what is still running, and let go of it."""
    if process.poll() is None:
        process.kill()
    process.communicate()


def asked(where, request=None):
    """Send a request, by default the attempt as JSON, and read to the end."""
    with Client(where) as client:
        client.send(json.dumps(make_attempt()).encode() + b"\n" if request is None else request)
        client.half_close()
        return client.rest()


def test_a_client_of_a_unix_socket_starts_the_daemon_and_is_answered(activated, tmp_path):
    process = activated(tmp_path / "s")
    assert json.loads(asked(tmp_path / "s")) == DUMPED
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    assert (tmp_path / "s").is_socket()


def test_a_client_of_a_tcp_socket_starts_the_daemon_and_is_answered(activated, free_port):
    activated(f"127.0.0.1:{free_port}")
    assert json.loads(asked(("127.0.0.1", free_port))) == DUMPED


def test_two_sockets_speak_the_protocols_that_their_names_say(activated, tmp_path):
    activated(tmp_path / "exim", tmp_path / "explain", names="exim:explain")
    assert asked(tmp_path / "exim", b"\n").startswith(b'action="pause"')
    assert json.loads(asked(tmp_path / "explain"))["decision"] == DUMPED


def test_a_passed_socket_and_one_of_its_own_are_served_side_by_side(activated, tmp_path):
    process = activated(
        tmp_path / "passed",
        configuration=f'listen = ["explain+unix:{tmp_path}/passed", "unix:{tmp_path}/own"]\n',
    )
    assert json.loads(asked(tmp_path / "passed"))["decision"] == DUMPED
    assert json.loads(asked(tmp_path / "own")) == DUMPED
    process.send_signal(signal.SIGTERM)
    assert process.wait(PATIENCE) == 0
    assert (tmp_path / "passed").is_socket()
    assert not (tmp_path / "own").exists()


def test_clients_that_come_while_the_daemon_starts_are_all_answered(activated, tmp_path):
    activated(tmp_path / "s")
    with ExitStack() as stack:
        clients = [stack.enter_context(Client(tmp_path / "s")) for _ in range(20)]
        for client in clients:
            client.send(json.dumps(make_attempt()).encode() + b"\n")
        for client in clients:
            assert client.answer() == DUMPED
