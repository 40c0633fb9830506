"""`hookframe serve`: what the command itself adds to the daemon."""

from __future__ import annotations

import errno
import os
import signal
import socket
import tempfile
from contextlib import suppress
from pathlib import Path

import pytest

from hookframe.config.address import Address
from hookframe.config.model import Config, LogTable
from hookframe.daemon.dry_run import check_system
from hookframe.testing import Client, eventually

from ..helpers.attempts import ATTEMPT

NOBODY = 65534
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

    def connected():
        with suppress(OSError):
            return Client(path)
        return None

    with eventually(connected) as client:
        return client.ask(ATTEMPT)


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
        ("tcp:localhost:25", "is not an IP address"),
        ("tcp:127.0.0.1:99999", "is not a port"),
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


@pytest.fixture
def configured(shell, tmp_path):
    """A configuration that can be started, which a test then spoils."""

    def configure(more="", listen=None, hook=DUMP):
        shell.write("hook.py", hook)
        where = f"unix:{tmp_path}/s" if listen is None else listen
        address = f'listen = "{where}"\n' if where else ""
        shell.write("hookframe.toml", f'{address}hook_file = "hook.py"\n{more}')

    return configure


def test_a_check_of_what_can_start_says_so_and_leaves_nothing(shell, configured, tmp_path):
    configured(f'[log]\ndirectory = "{tmp_path}/log"\n')
    before = sorted(tmp_path.rglob("*"))
    done = shell.run("serve", "--check")
    assert (done.status, done.err) == (0, "")
    assert done.out == "ok: the daemon can start; its chain: file\n"
    assert sorted(tmp_path.rglob("*")) == before


def test_a_check_says_every_mistake_of_the_configuration(shell, configured):
    configured("deadline = 5\nchian = []\n")
    done = shell.run("serve", "--check")
    assert done.status == 1
    assert "line 3: deadline" in done.err
    assert "line 4: chian" in done.err
    assert done.out == ""


def test_a_check_says_all_that_is_wrong_at_once(shell, configured, tmp_path):
    (tmp_path / "file").touch()
    configured(
        f'[log]\ndirectory = "{tmp_path}/file/log"\n[limits]\nconnections = 2000000000\n',
        listen=f"unix:{tmp_path}/missing/s",
        hook="def pre_delivery_attempt(attmept): pass\n",
    )
    done = shell.run("serve", "--check")
    assert done.status == 1
    assert "attmept" in done.err
    assert f"the directory {tmp_path}/missing does not exist" in done.err
    assert f"log.directory is {tmp_path}/file/log" in done.err
    assert "limits.connections = 2000000000" in done.err
    assert len(done.err.splitlines()) == 4


def test_a_check_configures_the_plugins_and_asks_them_about_nothing(shell, configured):
    hook = (
        "def configure(settings):\n    print('configured with', dict(settings))\n"
        "def pre_delivery_attempt(): print('asked')\n"
    )
    configured("[plugins.file.settings]\nlevel = 1\n", hook=hook)
    done = shell.run("serve", "--check")
    assert done.status == 0
    assert "configured with {'level': 1}" in done.err
    assert "asked" not in done.err


def test_a_check_beside_a_running_daemon_is_no_complaint_and_does_not_disturb_it(
    shell, serving, tmp_path
):
    shell.write("hook.py", DUMP)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    addresses = f'["unix:{tmp_path}/s", "exim+unix:{tmp_path}/e", "exim+tcp:127.0.0.1:{port}"]'
    shell.write("hookframe.toml", f'hook_file = "hook.py"\nlisten = {addresses}\n')
    daemon = serving()
    answer(tmp_path / "s")
    done = shell.run("serve", "--check")
    assert done.status == 0
    assert done.err.count("a daemon answers there already") == 3
    assert answer(tmp_path / "s") == {"action": "dump"}
    daemon.send_signal(signal.SIGTERM)
    assert b"Invalid attempt" not in daemon.communicate(timeout=50)[1]


def test_a_check_says_what_stands_in_the_way_of_an_address(shell, configured, tmp_path):
    (tmp_path / "s").write_text("precious")
    configured()
    done = shell.run("serve", "--check")
    assert done.status == 1
    assert "there is a file at that path, and it is not a socket" in done.err
    assert (tmp_path / "s").read_text() == "precious"


def test_a_check_leaves_a_stale_socket_where_it_is_and_mentions_it(shell, configured, tmp_path):
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(tmp_path / "s"))
    configured()
    done = shell.run("serve", "--check")
    assert done.status == 0
    assert "a stale socket file is there; a start replaces it" in done.err
    assert (tmp_path / "s").is_socket()


def test_a_check_finds_an_address_that_this_machine_does_not_have(shell, configured):
    configured("allow_remote = true\n", listen="tcp:192.0.2.1:8025")
    done = shell.run("serve", "--check")
    assert done.status == 1
    assert "can't listen on tcp:192.0.2.1:8025" in done.err


def test_a_check_of_a_log_that_another_file_stands_in_for_says_which(shell, configured, tmp_path):
    (tmp_path / "log" / "current").mkdir(parents=True)
    configured(f'[log]\ndirectory = "{tmp_path}/log"\n')
    done = shell.run("serve", "--check")
    assert done.status == 1
    assert f"{tmp_path}/log/current is no regular file that this user can write" in done.err


def test_a_check_without_any_address_says_what_to_write(shell, configured):
    configured(listen="")
    done = shell.run("serve", "--check")
    assert done.status == 1
    assert 'listen = "unix:/run/hookframe/hookframe.sock"' in done.err


def test_a_check_takes_its_addresses_from_the_option_as_a_start_does(shell, configured, tmp_path):
    configured(listen="unix:/does/not/exist/s")
    assert shell.run("serve", "--check").status == 1
    assert shell.run("serve", "--check", "--listen", f"unix:{tmp_path}/other").status == 0


@pytest.fixture
def unprivileged():
    """Have no more rights than others; the directory is one that all may search."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        directory.chmod(0o555)
        root = os.geteuid() == 0
        if root:
            os.seteuid(NOBODY)
        yield directory
        if root:
            os.seteuid(0)
        directory.chmod(0o755)


def test_a_check_finds_the_directories_in_which_this_user_may_make_no_file(unprivileged):
    config = Config(log=LogTable(str(unprivileged / "log")))
    report = check_system(config, [Address("jsonl", str(unprivileged / "s"))])
    place, log = report.problems
    denied = os.strerror(errno.EACCES)
    assert place.startswith(f"can't listen on unix:{unprivileged}/s: {denied}")
    assert f"the directory {unprivileged} must be writable" in place
    assert f"can't create a file in {unprivileged}: {denied}" in log
