"""How the daemon starts, reloads and stops, and what it lives through."""

from __future__ import annotations

import json
import os
import signal

import pytest

from hookframe.testing import eventually

from ..helpers.attempts import NORMAL, TEMPFAIL, attempt
from ..helpers.obedient_hook import OBEDIENT, answering, counted, said, saying
from ..helpers.requests import fields, line

pytestmark = pytest.mark.slow

GATED = """
import pathlib


def pre_delivery_attempt(attempt, decision, state):
    if attempt["recipient"] == "gate":
        pathlib.Path(__file__).with_name("gate").open().close()
    reply = attempt.get("reply")
    return dict(reply) if reply else None
"""


class Gate:
    """A FIFO at which the hook waits for the test."""

    def __init__(self, daemon) -> None:
        self._path = daemon.directory / "gate"
        os.mkfifo(self._path)

    def open(self) -> None:
        """Let one attempt through; wait until the hook stands there."""
        self._path.open("w").close()


@pytest.fixture
def gated(fresh):
    """A daemon whose hook waits at a gate for the recipient `gate`, and the gate."""
    daemon = fresh()
    gate = Gate(daemon)
    daemon.write(GATED, more='deadline = "1h"\n')
    return daemon.start(), gate


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_stop_ends_an_idle_daemon_with_status_0(fresh, number):
    daemon = fresh()
    daemon.write(more='[limits]\nanswer_time = "1s"\n')
    daemon.start()
    with daemon.connect() as idle, daemon.connect(daemon.exim) as half:
        assert idle.ask(saying("before")) == said("before")
        half.send(b"mtaid=")
        daemon.signal(number)
        assert idle.rest() == b""
        assert half.rest() == b""
    assert daemon.wait() == 0
    assert not any(each.exists() for each in (daemon.jsonl, daemon.exim, daemon.explain))


def test_what_was_read_before_sigterm_is_answered(gated):
    daemon, gate = gated
    with daemon.connect() as client, daemon.connect(daemon.exim) as exim:
        requests = [attempt(recipient="gate"), *(saying(number) for number in range(200))]
        client.send(b"".join(map(line, requests)))
        exim.send(fields() + b"\n")
        gate.open()
        assert exim.rest() == b'action="normal" end="1"\n'
        client.send(line(attempt(recipient="gate")) + line(saying("last")))
        assert client.answers(201) == [NORMAL, *(said(number) for number in range(200))]
        daemon.signal(signal.SIGTERM)
        gate.open()
        assert [json.loads(each) for each in client.rest().splitlines()] == [NORMAL, said("last")]
    assert daemon.wait() == 0


def test_what_is_not_answered_in_answer_time_ends_with_the_connection(fresh):
    daemon = fresh()
    daemon.write(more='[limits]\nanswer_time = "100ms"\n')
    daemon.start()
    with daemon.connect() as client:
        client.send(line(counted(seconds=0.02)) * 50)
        assert client.answer() == said(1)
        daemon.signal(signal.SIGTERM)
        answers = [json.loads(each) for each in client.rest().splitlines()]
        assert answers == [said(2 + n) for n in range(len(answers))]
        assert answers
    assert daemon.wait() == 0


def test_a_client_that_does_not_read_holds_up_no_stop(fresh):
    daemon = fresh()
    daemon.write(more='[limits]\nanswer_time = "100ms"\n')
    daemon.start()
    message = "€" * 480
    with daemon.connect() as deaf, daemon.connect() as other:
        deaf.send(line(saying(message)) * 120)
        assert other.ask(saying("meanwhile")) == said("meanwhile")
        assert daemon.stop() == 0


def test_a_signal_to_stop_while_a_plugin_loads_leaves_no_socket_behind(fresh):
    daemon = fresh()
    daemon.write("import os, signal\nos.kill(os.getppid(), signal.SIGTERM)\n" + OBEDIENT)
    daemon.launch()
    assert daemon.wait() == 0
    assert not daemon.jsonl.exists()


def test_sighup_while_a_plugin_loads_is_survived(fresh):
    daemon = fresh()
    once = (
        "import os, pathlib, signal\n"
        "first = pathlib.Path(__file__).with_name('first')\n"
        "if not first.exists():\n"
        "    first.touch()\n"
        "    os.kill(os.getppid(), signal.SIGHUP)\n"
    )
    daemon.write(once + OBEDIENT)
    daemon.start()
    daemon.wait_for("generation 2")
    assert daemon.ask(saying("alive")) == said("alive")


def test_more_clients_than_can_be_accepted_at_once_wait_for_their_turn(gated):
    daemon, gate = gated
    with daemon.connect() as first:
        first.send(line(attempt(recipient="gate")))
        waiting = []
        try:
            for number in range(500):
                waiting.append(daemon.connect())
                waiting[-1].send(line(saying(number)))
            gate.open()
            assert [client.answer() for client in waiting] == [said(n) for n in range(500)]
        finally:
            for client in waiting:
                client.close()
        assert first.answer() == NORMAL


def test_sighup_builds_a_new_generation_with_an_empty_state(fresh):
    daemon = fresh()
    daemon.write()
    daemon.start()
    with daemon.connect() as client:
        assert [client.ask(counted()) for _ in range(2)] == [said(1), said(2)]
    daemon.signal(signal.SIGHUP)
    daemon.wait_for("generation 2")
    assert daemon.ask(counted()) == said(1)


def test_many_sighups_lose_no_attempt(fresh):
    daemon = fresh()
    daemon.write()
    daemon.start()
    with daemon.connect() as client:
        for number in range(100):
            daemon.signal(signal.SIGHUP)
            assert client.ask(saying(number)) == said(number)
        daemon.wait_for("generation 2")


def test_an_edit_of_the_hook_file_is_live_on_an_open_connection(fresh):
    daemon = fresh()
    daemon.write(answering("old"))
    daemon.start()
    with daemon.connect() as client:
        assert client.ask(attempt())["message"] == "old"
        daemon.save(daemon.hook_file, answering("new"))
        eventually(lambda: client.ask(attempt())["message"] == "new")


def test_an_edit_loses_no_attempt_of_a_client_that_keeps_asking(fresh):
    daemon = fresh()
    daemon.write(answering("old"))
    daemon.start()
    seen = []
    with daemon.connect() as client:
        daemon.save(daemon.hook_file, answering("new"))
        while not seen or seen[-1] != "new":
            seen.append(client.ask(attempt())["message"])
    assert set(seen) <= {"old", "new"}
    assert seen == sorted(seen, reverse=True)


def test_a_hook_file_that_breaks_gives_temp_fails_until_it_is_mended(fresh):
    daemon = fresh()
    daemon.write(answering("good"))
    daemon.start()
    with daemon.connect() as client:
        daemon.save(daemon.hook_file, "def pre_delivery_attempt(:\n")
        daemon.wait_for("error loading pre_delivery_attempt_hook: error compiling:")
        eventually(lambda: client.ask(attempt()) == TEMPFAIL)
        daemon.save(daemon.hook_file, answering("mended"))
        eventually(lambda: client.ask(attempt()).get("message") == "mended")


@pytest.mark.parametrize(
    ("broken", "complaint"),
    [
        ("def pre_delivery_attempt(:\n", "error compiling"),
        ("raise SystemExit(1)\n", "SystemExit"),
    ],
)
def test_a_policy_that_is_broken_at_the_start_is_served_as_temp_fails_and_mended_live(
    fresh, broken, complaint
):
    daemon = fresh()
    daemon.write(broken)
    daemon.start()
    assert complaint in daemon.wait_for("error loading pre_delivery_attempt_hook")
    with daemon.connect() as client:
        assert client.ask(attempt()) == TEMPFAIL
        client.send(b"garbage\n")
        assert client.answer() == TEMPFAIL
        daemon.save(daemon.hook_file, answering("mended"))
        daemon.wait_for("generation 1")
        eventually(lambda: client.ask(attempt()).get("message") == "mended")


def test_a_plugin_that_is_not_installed_is_served_as_temp_fails_and_mended_live(fresh):
    daemon = fresh()
    daemon.write(answering("mended"))
    good = daemon.configuration.read_text()
    daemon.save(daemon.configuration, good + 'chain = ["nobody-has-this", "file"]\n')
    daemon.start()
    assert "nobody-has-this" in daemon.wait_for("error loading pre_delivery_attempt_hook")
    with daemon.connect() as client:
        assert client.ask(attempt()) == TEMPFAIL
        daemon.save(daemon.configuration, good)
        daemon.wait_for("generation 1")
        eventually(lambda: client.ask(attempt()).get("message") == "mended")


def test_a_configuration_that_breaks_while_running_gives_temp_fails_and_is_mended_live(fresh):
    daemon = fresh()
    daemon.write()
    good = daemon.configuration.read_text()
    daemon.start()
    with daemon.connect() as client:
        assert client.ask(saying("good")) == said("good")
        daemon.save(daemon.configuration, good + "nonsense = 1\n")
        assert "nonsense" in daemon.wait_for("error loading pre_delivery_attempt_hook")
        eventually(lambda: client.ask(saying("broken")) == TEMPFAIL)
        daemon.save(daemon.configuration, good)
        eventually(lambda: client.ask(saying("mended")) == said("mended"))


@pytest.mark.parametrize(
    "raised", ["KeyboardInterrupt", "SystemExit", "GeneratorExit", "MemoryError", "ValueError"]
)
def test_whatever_a_hook_raises_the_attempt_temp_fails_and_the_daemon_lives(daemon, raised):
    ids = {"msguid": "1abcde-000001-AB", "recipient": "somebody@recipient.test"}
    raising = attempt(returns=f"(_ for _ in ()).throw({raised}('no {{x}}'))", **ids)
    with daemon.connect() as client:
        client.send(line(raising) + line(saying("alive")))
        assert client.answers(2) == [TEMPFAIL, said("alive")]
    logged = daemon.wait_for(f"Exception running pre_delivery_attempt_hook: {raised}")
    assert "(plugin file)" in logged
    assert "msguid=[1abcde-000001-AB], recipient=[somebody@recipient.test]" in logged


def test_a_listen_that_changes_while_running_is_warned_of(fresh):
    daemon = fresh()
    daemon.write()
    daemon.start()
    elsewhere = daemon.directory / "elsewhere.sock"
    daemon.write(listen=[f"unix:{elsewhere}"])
    daemon.wait_for("`listen` has changed in hookframe.toml")
    assert "WARNING" in daemon.wait_for("`listen` has changed in hookframe.toml")
    assert daemon.ask(saying("at the old address")) == said("at the old address")
    assert not elsewhere.exists()
    note = "`listen` has changed in hookframe.toml: restart the daemon to apply it"
    assert daemon.ask({"hookframe": "status"})["notes"] == [note]
    daemon.write()
    eventually(lambda: daemon.ask({"hookframe": "status"})["notes"] == [])
    assert daemon.output.count("`listen` has changed") == 1


def test_a_log_that_goes_on_elsewhere_says_where_in_its_last_line(fresh):
    daemon = fresh()
    first, second = daemon.directory / "first", daemon.directory / "second"
    daemon.write(more=f'[log]\ndirectory = "{first}"\n')
    daemon.launch()

    def ends(log, said):
        current = log / "current"
        eventually(lambda: current.exists() and current.read_text().endswith(f"{said}\n"))

    eventually((first / "current").exists)
    daemon.write(more=f'[log]\ndirectory = "{second}"\n')
    ends(first, f"the log goes on at {second}")
    daemon.write()
    ends(second, "the log goes on at standard error")


def test_a_directory_whose_name_is_no_utf8_is_as_good_as_any(fresh):
    daemon = fresh()
    odd = daemon.directory / "odd\udcff"
    odd.mkdir()
    daemon.configuration, daemon.hook_file = odd / "hookframe.toml", odd / "hook.py"
    daemon.write()
    daemon.start()
    assert daemon.ask(saying("served")) == said("served")
    daemon.save(daemon.hook_file, answering("changed"))
    eventually(lambda: daemon.ask(attempt()).get("message") == "changed")


def test_a_change_that_waits_for_its_writer_names_the_file_that_is_open(fresh):
    daemon = fresh()
    daemon.write()
    daemon.start()
    with daemon.hook_file.open("a") as writer:
        writer.write("# not finished")
        writer.flush()
        logged = daemon.wait_for("a change waits until its writer closes the file")
    assert logged.rstrip().endswith(f"the file: {daemon.hook_file}")
    daemon.wait_for("generation 2")


def test_mending_a_broken_policy_again_and_again_is_no_death_of_the_fallback(fresh):
    daemon = fresh()
    daemon.write()
    daemon.start()
    for number in range(10):
        daemon.save(daemon.hook_file, "broken(")
        eventually(lambda: daemon.ask(saying("broken")) == TEMPFAIL)
        daemon.save(daemon.hook_file, answering(str(number)))
        eventually(lambda: daemon.ask(attempt()).get("message") == str(number))  # noqa: B023
    assert "has died" not in daemon.output


def test_limits_that_change_while_running_hold_from_then_on(fresh):
    daemon = fresh()
    daemon.write(more='[limits]\nidle_time = "1h"\n')
    daemon.start()
    with daemon.connect() as client:
        assert client.ask(saying("patient")) == said("patient")
        daemon.write(more='[limits]\nidle_time = "10ms"\n')
        assert client.rest() == b""


def test_a_configuration_with_several_mistakes_ends_the_start_with_all_of_them(fresh):
    daemon = fresh()
    daemon.write()
    mistakes = (
        'listen = "tcp:0.0.0.0:8025"\n'
        'chian = ["file"]\n'
        'on_load_error = "ignore"\n'
        "[limits]\n"
        "connections = 0\n"
        'idle_time = "soon"\n'
        "[plugins.file]\n"
        'mode = "loud"\n'
    )
    daemon.save(daemon.configuration, mistakes)
    daemon.launch()
    assert daemon.wait() == 1
    for number_of_line, key in [
        (1, "listen"),
        (2, "chian"),
        (3, "on_load_error"),
        (5, "limits.connections"),
        (6, "limits.idle_time"),
        (8, "plugins.file.mode"),
    ]:
        mentioned = [each for each in daemon.output.splitlines() if key in each]
        assert mentioned, daemon.output
        assert any(f"line {number_of_line}" in each for each in mentioned), daemon.output
    assert not daemon.jsonl.exists()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (None, "does not exist"),
        ("listen = [\n", "is not valid TOML"),
        ("\xff", "is not valid TOML"),
        ('hook_file = "hook.py"\n', "listen"),
    ],
)
def test_a_configuration_that_cannot_be_served_ends_the_start_with_a_sentence(
    fresh, text, complaint
):
    daemon = fresh()
    daemon.write()
    if text is None:
        daemon.configuration.unlink()
    else:
        daemon.configuration.write_bytes(text.encode("latin-1"))
    daemon.launch()
    assert daemon.wait() in (1, 2)
    assert complaint in daemon.output
