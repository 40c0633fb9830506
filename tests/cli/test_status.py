"""`hookframe status`: what a running daemon says of itself, and what is said when none does."""

from __future__ import annotations

import json
import re
import signal
import socket
import threading

import pytest

from hookframe import __version__
from hookframe.testing import eventually

from ..helpers.attempts import attempt
from ..helpers.daemons import Daemon
from ..helpers.obedient_hook import saying
from ..helpers.requests import fields

CURSOR_BACK = re.compile(r"\x1b\[(?:[0-9]*[AF]|[0-9;]*[Hf])")
"""Moves the cursor up, or to a place."""
STATUS = {"hookframe": "status"}
DUMP = attempt(reply={"action": "dump"})
FAIL = attempt(returns="1 / 0")
DOCUMENT = {
    "hookframe": "9.9.9",
    "pid": 4711,
    "uptime": 93784.0,
    "generation": 12,
    "digest": "d1",
    "versions": {"a-plugin": "1.0"},
    "problem": "",
    "notes": [],
    "last_load_error": None,
    "restarts": {"policy": 0, "death": 0},
    "workers": [
        {
            "pid": 4712,
            "role": "worker",
            "uptime": 59.9,
            "memory": 64 << 20,
            "connections": 8,
            "generation": 12,
            "problem": "",
        }
    ],
    "chain": [
        {
            "plugin": "file",
            "distribution": "/etc/hookframe/hook.py",
            "version": "",
            "mode": "shadow",
            "file": "/etc/hookframe/hook.py",
        }
    ],
    "attempts": 1234567,
    "decisions": {"normal": 1234500, "pause": 0, "dump": 60},
    "temporary_failures": {"exception": 5, "malformed": 2},
    "unaccounted": 0,
    "plugins": {
        "file": {
            "votes": {"dump": 60},
            "errors": 5,
            "microseconds": {
                "p50": 1.25,
                "p90": 20.0,
                "p99": 999.94,
                "max": 1234567.8,
                "samples": 400,
            },
        }
    },
}
EVIL = "\x1b]0;owned\x07\x1b[2J\u202e\udcff\nforged"
"""What a terminal must not get to see as it is."""


@pytest.fixture
def daemon(shell):
    """A daemon of the command's own directory."""
    running = Daemon()
    running.write()
    running.start()
    shell.environment["HOOKFRAME_CONFIG"] = str(running.configuration)
    yield running
    running.close()


class Impostor(threading.Thread):
    """Somebody else who listens where a daemon should.

    Each client in turn is answered with some bytes, all later ones as the last of these.
    """

    def __init__(self, path, *answers):
        super().__init__(daemon=True)
        self._answers = list(answers)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self.address = f"unix:{path}"
        self.start()

    def run(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with client:
                client.recv(1024)
                later = len(self._answers) > 1
                client.sendall(self._answers.pop(0) if later else self._answers[0])

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.join(20)


@pytest.fixture
def impostor(tmp_path):
    """Have somebody answer with these bytes; return the address."""
    there = []

    def listen(*answers):
        there.append(Impostor(tmp_path / "s", *answers))
        return there[-1].address

    yield listen
    for each in there:
        each.close()


def answering(document):
    """Write a document as the daemon does."""
    return json.dumps(document).encode() + b"\n"


def figures(text):
    """Give the figures below `attempts`, by their name."""
    return {
        found[1]: int(found[2].replace(",", ""))
        for found in re.finditer(r"(?m)^ *([a-z_ ]*[a-z]) {2,}([\d,]+)(?: |$)", text)
    }


# What a daemon says


def test_it_shows_what_was_decided_by_whom_and_what_went_wrong(shell, daemon):
    with daemon.connect() as client:
        for asked, times in ((attempt(), 11), (DUMP, 7), (saying("wait"), 2), (FAIL, 3), ({}, 1)):
            for _ in range(times):
                client.ask(asked)
    daemon.exchange(fields(), daemon.exim)
    done = shell.run("status", "--fail-above", "16")
    assert (done.status, done.err) == (0, "")
    assert re.search(r"last error of file, \d{4}-.*: Exception", done.out)
    shown = figures(done.out)
    assert shown["attempts"] == 25
    assert (shown["normal"], shown["dump"], shown["pause"]) == (12, 7, 2)
    assert shown["temporary failure"] == 4
    assert "exception 3, malformed 1" in done.out
    [file] = [line for line in done.out.splitlines() if line.startswith("file")]
    assert re.match(r"file +dump 7, pause 2 +3 ", file)
    assert done.out.startswith(f"hookframe {__version__} (pid {daemon.pid}), up ")
    assert f"at unix:{daemon.jsonl}\n" in done.out
    assert f"file ({daemon.hook_file})" in " ".join(done.out.split())


def test_too_many_temporary_failures_of_the_last_minute_are_exit_1(shell, daemon):
    with daemon.connect() as client:
        for asked, times in ((attempt(), 15), (FAIL, 1)):
            for _ in range(times):
                client.ask(asked)
    done = shell.run("status")
    assert done.status == 1
    assert done.err == (
        "hookframe: error: 1 of the 16 attempts of the last minute were temporary failures "
        "(6.2 %; --fail-above is 5 %)\n"
    )
    assert shell.run("status", "--fail-above", "7").status == 0


def test_as_json_it_prints_the_document(shell, daemon):
    for _ in range(7):
        daemon.ask(DUMP)
    done = shell.run("status", "--json")
    assert (done.status, done.err) == (0, "")
    assert done.json["attempts"] == 7
    assert done.json["decisions"]["dump"] == 7
    assert done.json["plugins"]["file"]["votes"] == {"dump": 7}
    assert set(done.json) == set(daemon.ask(STATUS))


def test_asking_for_the_status_is_no_attempt(shell, daemon):
    shell.run("status")
    assert shell.run("status", "--json").json["attempts"] == 0


def test_the_first_jsonl_address_of_the_configuration_is_asked(shell, daemon):
    listen = [f"exim+unix:{daemon.exim}", f"unix:{daemon.jsonl}", "unix:/does/not/exist"]
    shell.write("hookframe.toml", f"listen = {json.dumps(listen)}\n")
    assert shell.run("status", "--config", "hookframe.toml").status == 0


def test_an_address_can_be_named_and_then_no_configuration_is_needed(shell, daemon):
    shell.environment["HOOKFRAME_CONFIG"] = "/does/not/exist"
    host, port = daemon.port
    for address in (f"unix:{daemon.jsonl}", f"jsonl+tcp:{host}:{port}"):
        assert shell.run("status", "--json", "--address", address).json["attempts"] == 0


def test_a_policy_that_can_not_be_loaded_is_shown_and_is_exit_1(shell, daemon):
    daemon.save(daemon.hook_file, "def pre_delivery_attempt(attempt:\n")
    eventually(lambda: daemon.ask(STATUS)["problem"])
    done = shell.run("status")
    assert done.status == 1
    assert "problem: error compiling: SyntaxError" in done.out
    assert shell.run("status", "--json").status == 1


def test_the_last_load_error_is_shown_after_it_has_been_mended(shell, impostor):
    failed = {"text": "error compiling: SyntaxError", "at": 1_700_000_000.5}
    shell.environment["TZ"] = "UTC"
    address = impostor(answering({**DOCUMENT, "last_load_error": failed}))
    done = shell.run("status", "--address", address)
    assert done.status == 0
    assert "last load error, 2023-11-14 22:13:20: error compiling: SyntaxError" in done.out


# How it looks


def test_off_a_terminal_it_is_plain_and_has_80_columns(shell, impostor):
    name = "a-plugin-with-a-very-long-name-indeed"
    many = {
        **DOCUMENT,
        "attempts": 10**13,
        "decisions": {"normal": 10**13, "new_mtaid": 10**12},
        "chain": [{**DOCUMENT["chain"][0], "plugin": name, "distribution": "d" * 200}],
        "plugins": {
            name: {
                "votes": {"dump": 10**9, "new_mtaid": 10**9, "pause": 10**9},
                "errors": 10**6,
                "microseconds": dict.fromkeys(("p50", "p90", "p99", "max"), 9e8) | {"samples": 1},
            }
        },
        "problem": "x" * 300,
        "restarts": {"policy": 1000, "death": 1000},
    }
    done = shell.run("status", "--address", impostor(answering(many)))
    assert "\x1b" not in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    assert figures(done.out)["new_mtaid"] == 10**12


def test_on_a_terminal_it_is_coloured(shell, impostor):
    address = impostor(answering(DOCUMENT))
    shown = shell.on_terminal("status", "--address", address)
    assert shown.status == 0
    assert "\x1b[" in shown.raw
    assert "1,234,567" in shown.text


def test_times_are_said_in_units_that_one_reads_at_a_glance(shell, impostor):
    out = shell.run("status", "--address", impostor(answering(DOCUMENT))).out
    assert "up 1 d 2 h" in out
    assert re.search(r"worker +4712 +59 s +12 +8 +64", out)
    assert re.search(r"file \(shadow\) +dump 60 +5 +1.2 +20.0 +999.9 +1,234,568", out)


def test_a_plugin_that_was_not_timed_has_no_times(shell, impostor):
    file = {**DOCUMENT["plugins"]["file"], "microseconds": None}
    address = impostor(answering({**DOCUMENT, "plugins": {"file": file}}))
    out = shell.run("status", "--address", address).out
    assert re.search(r"dump 60 +5 +- +- +- +-", out)


def test_what_comes_from_the_daemon_can_not_disturb_the_terminal(shell, impostor):
    evil = json.loads(json.dumps(DOCUMENT))
    evil["hookframe"] = evil["problem"] = EVIL
    evil["last_load_error"] = {"text": "[bold]" + EVIL, "at": 1e300}
    evil["workers"][0]["role"] = EVIL
    evil["chain"][0] |= {"plugin": EVIL, "distribution": EVIL, "version": EVIL, "mode": EVIL}
    evil["decisions"][EVIL] = evil["temporary_failures"][EVIL] = 3
    evil["plugins"] = {EVIL: {"votes": {EVIL: 1}, "errors": 1, "microseconds": None}}
    address = impostor(answering(evil))
    for arguments in ((), ("--json",)):
        done = shell.run("status", "--address", address, *arguments)
        assert done.status == 1
        assert not set(done.out + done.err) & set("\x1b\x07\u202e")
        assert "forged" not in [line.strip() for line in done.out.splitlines()]
    shown = shell.on_terminal("status", "--address", address)
    assert not set(shown.text) & set("\x1b\x07\u202e")
    assert r"\x1b]0;owned\x07" in shown.text
    assert "[bold]" in shown.text


# When no daemon answers


def test_that_no_daemon_is_there_is_one_sentence_and_exit_1(shell, tmp_path):
    for address in (f"unix:{tmp_path}/s", "tcp:127.0.0.1:1", "tcp:[::1]:1"):
        done = shell.run("status", "--address", address)
        assert (done.status, done.out) == (1, "")
        assert done.err.startswith(f"hookframe: error: no daemon answers at {address}: ")
        assert "start it with hookframe serve" in done.err
        assert len(done.err.splitlines()) == 1


def test_the_socket_of_a_daemon_that_has_died_is_the_same(shell, tmp_path):
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "s"))
    done = shell.run("status", "--address", f"unix:{tmp_path}/s")
    assert done.status == 1
    assert "no daemon answers" in done.err


def test_a_daemon_that_does_not_answer_in_time_is_not_waited_for(shell, tmp_path):
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        silent.listen()
        done = shell.run("status", "--address", f"unix:{tmp_path}/s")
    assert done.status == 1
    assert "has not answered within 5 s" in done.err
    assert "the address has another protocol (the status needs jsonl)" in done.err


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"", "closed the connection"),
        (b'{"hookframe": "9.9.9", "pid"', "closed the connection"),
        (b'220 mail.example ESMTP "\x1b[2J"\n', r'begins: 220 mail.example ESMTP "\x1b[2J"'),
        (b'{"action":"pause","message":"Error","error":true}\n', "is not a status"),
        (b"[" * 100_000 + b"\n", "is not a status"),
        (b'{"hookframe": {}}\n', "is not a status"),
        (b'{"hookframe": "9.9.9", "pid": "one"}\n', "is hookframe 9.9.9"),
    ],
)
def test_whoever_else_answers_there_is_not_believed(answer, said, shell, impostor):
    done = shell.run("status", "--address", impostor(answer))
    assert (done.status, done.out) == (1, "")
    assert said in done.err
    assert len(done.err.splitlines()) == 1


def test_a_connection_that_ends_is_followed_by_another(shell, impostor):
    told = {"hookframe": "99.0"}
    address = impostor(b"", b"", b'{"hookframe"', answering(told))
    done = shell.run("status", "--json", "--address", address)
    assert (done.status, done.json) == (0, told)


def test_the_status_of_a_version_to_come_is_printed_as_json_all_the_same(shell, impostor):
    later = {"hookframe": "99.0", "everything": "has changed"}
    done = shell.run("status", "--json", "--address", impostor(answering(later)))
    assert (done.status, done.json) == (0, later)


def test_a_configuration_without_a_jsonl_address_says_which_line_to_write(shell):
    shell.write("hookframe.toml", 'listen = "exim+unix:/run/hookframe/exim.sock"\n')
    done = shell.run("status")
    assert (done.status, done.out) == (1, "")
    wanted = '["exim+unix:/run/hookframe/exim.sock", "unix:/run/hookframe/hookframe.sock"]'
    assert f"set listen = {wanted}" in done.err


def test_a_configuration_that_listens_nowhere_says_which_line_to_write(shell):
    shell.write("hookframe.toml", "")
    done = shell.run("status")
    assert done.status == 1
    assert "listen is not set, and status needs a jsonl address" in done.err
    assert 'set listen = "unix:/run/hookframe/hookframe.sock"' in done.err


def test_a_port_that_the_system_has_chosen_can_not_be_known(shell):
    shell.write("hookframe.toml", 'listen = "tcp:127.0.0.1:0"\n')
    done = shell.run("status")
    assert done.status == 1
    assert "use --address tcp:127.0.0.1:PORT" in done.err


def test_without_a_configuration_it_says_how_to_name_the_daemon(shell):
    done = shell.run("status")
    assert (done.status, done.out) == (1, "")
    assert "--address unix:/run/hookframe/hookframe.sock" in done.err


def test_a_broken_configuration_is_said_with_what_to_do(shell, daemon):
    daemon.save(daemon.configuration, "listn = 1\n")
    done = shell.run("status")
    assert done.status == 1
    assert "line 1: listn: unknown key" in done.err
    assert "use --address" in done.err
    assert "Traceback" not in done.err
    assert shell.run("status", "--address", f"unix:{daemon.jsonl}").out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--address", "unix:relative"), "must be absolute"),
        (("--address", "exim+unix:/run/x"), "not exim"),
        (("--address", "explain+unix:/run/x"), "not explain"),
        (("--address", "tcp:127.0.0.1:0"), "port 0"),
        (("--hook-file", "hook.py"), "use --address"),
        (("--watch", "--interval", "0"), "--interval"),
        (("--config", "missing.toml"), "does not exist"),
    ],
)
def test_what_can_not_be_meant_is_wrong_use(arguments, said, shell):
    shell.write("hook.py", "def pre_delivery_attempt(): pass\n")
    done = shell.run("status", *arguments)
    assert done.status == 2
    assert said in " ".join(done.err.split())


# Again and again


def test_on_a_terminal_watch_draws_over_what_was_there_until_ctrl_c(shell, daemon):
    daemon.ask(DUMP)
    # How many there were a second is known from the second drawing on.
    shown = shell.on_terminal(
        "status", "--watch", "--interval", "0.1", interrupted_after=" a second"
    )
    assert shown.status == 130
    assert CURSOR_BACK.search(shown.raw)
    assert shown.raw.rfind("\x1b[?25h") > shown.raw.rfind("\x1b[?25l"), "the cursor is shown again"
    assert "Traceback" not in shown.text


def test_watch_says_when_the_daemon_has_gone_and_goes_on_when_it_is_back(shell, daemon):
    with shell.start("status", "--watch", "--json", "--interval", "0.1") as process:
        first = json.loads(process.stdout.readline())
        daemon.stop()
        # Who asks while it ends may be told so first.
        complaints = iter(lambda: process.stderr.readline().decode(), "")
        complaint = next(each for each in complaints if "no daemon answers" in each)
        assert complaint.endswith("trying again\n")
        daemon.start()
        later = eventually(lambda: other(json.loads(process.stdout.readline()), first))
        assert later["attempts"] == 0
        process.send_signal(signal.SIGINT)
        assert b"Traceback" not in process.communicate(timeout=50)[1]
    assert process.returncode == 130


def other(document, first):
    """Give a document if it is of another daemon."""
    return document if document["pid"] != first["pid"] else None


def test_watch_waits_for_a_daemon_that_is_not_there_yet(shell, impostor, tmp_path):
    with shell.start(
        "status", "--watch", "--interval", "0.1", "--address", f"unix:{tmp_path}/s"
    ) as process:
        assert b"trying again" in process.stderr.readline()
        impostor(answering(DOCUMENT))
        assert process.stdout.readline().startswith(b"hookframe 9.9.9 (pid 4711)")
        process.send_signal(signal.SIGTERM)
        out, _ = process.communicate(timeout=50)
    assert process.returncode == 130
    assert b"\x1b" not in out


def test_watch_ends_quietly_when_its_reader_has_gone(shell, impostor):
    address = impostor(answering(DOCUMENT))
    with shell.start("status", "--watch", "--interval", "0.1", "--address", address) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(50) == 141
        assert process.stderr.read() == b""
