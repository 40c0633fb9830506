"""Sockets that a service manager passes: used in place of our own, and left to it."""

from __future__ import annotations

import json
import os
import re
import socket
import sys
from pathlib import Path

import pytest

from ..helpers.attempts import attempt
from ..helpers.obedient_hook import OBEDIENT, said, saying

pytestmark = pytest.mark.slow

PASSING = (sys.executable, str(Path(__file__).with_name("passing.py")))
LEAKY = """
import subprocess

def pre_delivery_attempt(attempt):
    command = ["sh", "-c", "env; ls -l /proc/self/fd"]
    seen = subprocess.run(command, capture_output=True, text=True, close_fds=False).stdout
    open(attempt["show"], "w").write(seen)
"""


def passing(*sockets):
    """What stands before the daemon's command so that it gets these sockets."""
    return (*PASSING, *sockets, "--")


def written(daemon, listen, hook=OBEDIENT, more=""):
    """Write the files of a daemon; without addresses there is no listen in its configuration."""
    daemon.write(hook, listen=listen)
    addresses = f"listen = {json.dumps(listen)}\n" if listen else ""
    daemon.save(daemon.configuration, f'{addresses}hook_file = "hook.py"\n{more}')
    return daemon


@pytest.fixture
def started(fresh):
    """Start a daemon that listens where it is told to, and gets sockets passed."""

    def started(*sockets, listen=(), **files):
        return written(fresh(), listen, **files).start(*passing(*sockets))

    return started


@pytest.fixture
def refused(fresh, monkeypatch):
    """Start a daemon that can't start; return the one line that it writes."""

    def refused(*sockets, listen=(), **variables):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        daemon = written(fresh(), listen)
        daemon.launch(*passing(*sockets))
        assert daemon.wait() == 1
        assert len(daemon.output.splitlines()) == 1, daemon.output
        return daemon.output

    return refused


def test_a_passed_socket_is_served_and_its_file_is_left_to_who_made_it(started, tmp_path):
    path = tmp_path / "s"
    daemon = started(f"={path}", listen=[f"unix:{path}"])
    assert daemon.ask(saying("passed"), path) == said("passed")
    made = path.stat()
    assert daemon.stop() == 0
    assert os.path.samestat(path.stat(), made)


def test_a_passed_socket_needs_no_listen(started, tmp_path):
    daemon = started(f"={tmp_path}/s")
    assert f"listening on jsonl+unix:{tmp_path}/s" in daemon.output
    assert daemon.ask(saying("passed"), tmp_path / "s") == said("passed")


def test_its_name_says_which_protocol_it_speaks(started, tmp_path):
    names = ("exim", "explain", "jsonl", "hookframe.socket")
    daemon = started(*(f"{name}={tmp_path}/{name}" for name in names))
    assert daemon.exchange(b"\n", tmp_path / "exim").startswith(b'action="pause"')
    assert daemon.ask(saying("traced"), tmp_path / "explain")["decision"] == said("traced")
    assert daemon.ask(saying("plain"), tmp_path / "jsonl") == said("plain")
    assert daemon.ask(saying("plain"), tmp_path / "hookframe.socket") == said("plain")


def test_listen_outranks_its_name_and_that_is_said(started, tmp_path):
    path = tmp_path / "s"
    daemon = started(f"exim={path}", listen=[f"explain+unix:{path}"])
    assert daemon.ask(saying("traced"), path)["decision"] == said("traced")
    assert "exim, but its protocol in listen is explain" in daemon.wait_for("WARNING")


def test_a_path_in_other_words_is_the_same_place(started, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "var").symlink_to("run")
    daemon = started(f"={tmp_path}/run/s", listen=[f"exim+unix:{tmp_path}/var/s"])
    assert daemon.exchange(b"\n", tmp_path / "run" / "s").startswith(b'action="pause"')
    assert daemon.wait_for("listening on").count("unix:") == 1


def test_what_is_in_listen_and_not_passed_is_opened_too(started, tmp_path):
    daemon = started(f"={tmp_path}/s", listen=[f"unix:{tmp_path}/own", f"unix:{tmp_path}/s"])
    assert daemon.ask(saying("passed"), tmp_path / "s") == said("passed")
    assert daemon.ask(saying("own"), tmp_path / "own") == said("own")
    assert daemon.stop() == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["s"]


def free_port():
    """Find a port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_a_passed_tcp_socket_is_served_by_the_protocol_of_its_address(started):
    port = free_port()
    daemon = started(f"=127.0.0.1:{port}", listen=[f"explain+tcp:127.0.0.1:{port}"])
    assert daemon.ask(saying("tcp"), ("127.0.0.1", port))["decision"] == said("tcp")


def test_a_passed_tcp_socket_needs_no_listen_either(started):
    port = free_port()
    daemon = started(f"=127.0.0.1:{port}")
    assert daemon.ask(saying("tcp"), ("127.0.0.1", port)) == said("tcp")


def test_an_abstract_socket_is_served(started):
    name = f"@hookframe-test-{os.getpid()}"
    daemon = started(f"={name}")
    assert f"unix:{name}" in daemon.output
    assert daemon.ask(saying("abstract"), name.replace("@", "\0")) == said("abstract")


def test_a_passed_socket_that_others_can_reach_is_refused_unless_listen_allows_it(refused, started):
    port = free_port()
    line = refused(f"exim=0.0.0.0:{port}")
    assert f'"exim+tcp:0.0.0.0:{port}"' in line
    assert "allow_remote = true" in line
    daemon = started(
        f"=0.0.0.0:{port}", listen=[f"tcp:0.0.0.0:{port}"], more="allow_remote = true\n"
    )
    assert daemon.ask(saying("tcp"), ("127.0.0.1", port)) == said("tcp")


@pytest.mark.parametrize(
    ("what", "seen"),
    [
        ("datagram:{}/s", "a socket for datagrams"),
        ("deaf:{}/s", "a socket that does not listen"),
        ("file", "Socket operation on non-socket"),
        ("nothing", ""),
    ],
)
def test_what_no_client_can_connect_to_is_refused(refused, tmp_path, what, seen):
    line = refused(f"good={tmp_path}/good", f"odd={what.format(tmp_path)}")
    assert f"unusable descriptor 4 (odd): {seen}" in line
    assert "ListenStream=" in line


@pytest.mark.parametrize(
    ("variables", "seen"),
    [
        ({"LISTEN_FDS": "two"}, "LISTEN_FDS is 'two'"),
        ({"LISTEN_FDS": "-1"}, "LISTEN_FDS is '-1'"),
        ({"LISTEN_FDS": "100000"}, "LISTEN_FDS is '100000'"),
        ({"LISTEN_PID": "\u0661"}, "LISTEN_PID is '\u0661'"),
        ({"LISTEN_FDNAMES": "a:b"}, "LISTEN_FDNAMES is 'a:b'; expected 1 names"),
    ],
)
def test_variables_that_make_no_sense_are_refused(refused, tmp_path, variables, seen):
    assert seen in refused(f"={tmp_path}/s", listen=[f"unix:{tmp_path}/own"], **variables)


def test_sockets_for_another_process_are_not_ours(started, tmp_path, monkeypatch):
    monkeypatch.setenv("LISTEN_PID", "1")
    daemon = started(f"={tmp_path}/s", listen=[f"unix:{tmp_path}/own"])
    assert daemon.ask(saying("own"), tmp_path / "own") == said("own")
    assert f"{tmp_path}/s" not in daemon.output


def test_what_a_hook_starts_gets_neither_the_sockets_nor_the_variables(started, tmp_path):
    daemon = started(f"exim={tmp_path}/exim", f"jsonl={tmp_path}/jsonl", hook=LEAKY)
    daemon.ask(attempt(show=str(tmp_path / "seen")), tmp_path / "jsonl")
    seen = (tmp_path / "seen").read_text()
    assert "LISTEN_" not in seen
    assert not re.findall(r" (?:[3-9]|[1-9][0-9]+) -> socket:", seen), seen


def test_nowhere_to_listen_and_nothing_passed_is_wrong_use(fresh):
    daemon = written(fresh(), ())
    daemon.launch()
    assert daemon.wait() == 2
    assert "no address to listen on" in " ".join(daemon.output.split())
