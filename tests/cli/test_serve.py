"""`hookframe serve`: what the command itself adds to the daemon."""

from __future__ import annotations

import json
import signal
import socket

import pytest

from ..support.attempts import ATTEMPT
from ..support.wait import eventually

DUMP = 'def pre_delivery_attempt():\n    return {"action": "dump"}\n'


@pytest.fixture
def serving(shell):
    """Starts daemons, and ends those that are left."""
    running = []

    def serve(*arguments):
        running.append(shell.start("serve", *arguments))
        return running[-1]

    yield serve
    for process in running:
        process.kill()
        process.communicate()


def answer(path):
    """Ask the daemon that is about to listen there."""
    connection = socket.socket(socket.AF_UNIX)

    def connected():
        try:
            connection.connect(str(path))
        except OSError:
            return False
        return True

    eventually(connected)
    with connection, connection.makefile("rwb") as stream:
        stream.write(json.dumps(ATTEMPT).encode() + b"\n")
        stream.flush()
        return json.loads(stream.readline())


def test_it_listens_where_the_option_says_and_sigterm_ends_it(shell, serving, tmp_path):
    shell.write("hook.py", DUMP)
    process = serving("--hook-file", "hook.py", "--listen", f"unix:{tmp_path}/s")
    assert answer(tmp_path / "s") == {"action": "dump"}
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=50)
    assert (process.returncode, out) == (0, b"")
    assert b"listening on jsonl+unix:" in err
    assert not (tmp_path / "s").exists()


def test_ctrl_c_ends_it_too(shell, serving, tmp_path):
    process = serving("--plugin", "nobody", "--listen", f"unix:{tmp_path}/s")
    assert answer(tmp_path / "s")["error"] is True
    process.send_signal(signal.SIGINT)
    assert b"Traceback" not in process.communicate(timeout=50)[1]


def test_it_listens_where_the_configuration_says(shell, serving, tmp_path):
    shell.write("hook.py", DUMP)
    shell.write("hookframe.toml", f'hook_file = "hook.py"\nlisten = "explain+unix:{tmp_path}/s"\n')
    serving()
    assert answer(tmp_path / "s")["decided_by"] == ["file"]


def test_the_option_outranks_the_configuration_and_can_be_repeated(shell, serving, tmp_path):
    shell.write("hook.py", DUMP)
    shell.write("hookframe.toml", f'hook_file = "hook.py"\nlisten = "unix:{tmp_path}/c"\n')
    serving("--listen", f"unix:{tmp_path}/a", "--listen", f"explain+unix:{tmp_path}/b")
    assert answer(tmp_path / "a") == {"action": "dump"}
    assert answer(tmp_path / "b")["decision"] == {"action": "dump"}
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("unix:relative", "must be absolute"),
        ("/run/x.sock", "unix:/run/hookframe/hookframe.sock"),
        ("tcp:localhost:25", "no IP address"),
        ("tcp:127.0.0.1:99999", "no port"),
        ("smtp+unix:/x", "unknown protocol"),
        ("tcp:192.0.2.1:8025", "--allow-remote"),
    ],
)
def test_a_wrong_address_is_wrong_use_and_says_what_to_write(shell, address, said):
    done = shell.run("serve", "--listen", address)
    assert done.status == 2
    assert "--listen: " in done.err
    assert said in " ".join(done.err.split())


def test_a_remote_address_is_accepted_with_allow_remote(shell):
    done = shell.run("serve", "--allow-remote", "--listen", "tcp:192.0.2.1:8025")
    assert done.status == 1  # this machine does not have it
    assert "can't listen on tcp:192.0.2.1:8025" in done.err


def test_allow_remote_alone_is_wrong_use(shell):
    done = shell.run("serve", "--allow-remote")
    assert done.status == 2
    assert "allow_remote = true" in done.err


def test_an_address_that_is_given_twice_is_wrong_use(shell):
    done = shell.run("serve", "--listen", "unix:/a", "--listen", "unix:/a")
    assert done.status == 2
    assert "more than once" in done.err


def test_without_any_address_it_is_wrong_use_and_says_what_to_write(shell):
    shell.write("hookframe.toml", "")
    done = shell.run("serve")
    assert done.status == 2
    assert 'listen = "unix:/run/hookframe/hookframe.sock"' in done.err
    assert "hookframe.toml" in done.err
    done = shell.run("serve", "--plugin", "x")
    assert done.status == 2
    assert "--listen unix:/run/hookframe/hookframe.sock" in done.err


def test_an_address_that_is_taken_is_one_sentence_and_exit_1(shell, serving, tmp_path):
    serving("--plugin", "nobody", "--listen", f"unix:{tmp_path}/s")
    answer(tmp_path / "s")
    done = shell.run("serve", "--plugin", "nobody", "--listen", f"unix:{tmp_path}/s")
    assert done.status == 1
    assert "is taken" in done.err
    assert "Traceback" not in done.err


def test_its_log_has_no_colours_off_a_terminal(shell):
    done = shell.run("serve", "--listen", "unix:/does/not/exist/s")
    assert done.status == 1
    assert "\x1b" not in done.err
