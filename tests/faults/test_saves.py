"""The policy is saved in all ways while clients ask: no attempt is lost, temp-failed or delayed.

It saves HOOKFRAME_SAVES times, 30 if that is not set, and prints what it has counted.
"""

from __future__ import annotations

import json
import os
import re
import socket
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from time import monotonic, sleep

import pytest

from ..helpers.attempts import attempt
from ..helpers.requests import extracted, field, line
from ..helpers.wait import PATIENCE

SAVES = int(os.environ.get("HOOKFRAME_SAVES", "30"))
CLIENTS = 8
PAUSE = 0.002
"""Seconds between two attempts of a client."""
LONGEST = 10.0
"""Seconds after which a save must be live on the busiest machine."""
TRIES = 3
"""How often a client asks when its connection ends before an answer, as CONTRACT 4 says."""
SLOW_ONE_OF = 10
TAKING_ITS_TIME = """
import time

def pre_delivery_attempt():
    time.sleep(0.15)
    return {{"action": "pause", "message": "{}"}}
"""
SLOW = """
import time

from hookframe import hookimpl


@hookimpl
def configure(settings):
    time.sleep(settings["seconds"])


@hookimpl
def pre_delivery_attempt():
    return None
"""
HOOK = """
NUMBER = {number}


def pre_delivery_attempt(attempt):
    return {{"action": "pause", "message": f"{{NUMBER}} {{attempt['msguid']}}"}}
"""
EXIM = {
    "is_first_attempt": "1",
    "mtaid_exists": "0",
}


class Client:
    """A client that asks again on a new connection when its own has ended.

    Args:
        where: the socket.
        keep: whether it keeps its connection; the exim protocol never does.
        exim: whether it speaks the exim protocol.
    """

    def __init__(self, where, *, keep=True, exim=False):
        self._where = str(where)
        self._keep = keep and not exim
        self._exim = exim
        self._stream = None
        self._asked = 0
        self.longest = 0.0
        self.lost = []
        self.failed = []
        self.numbers = []
        """the save by which each attempt was answered, and when it was asked"""

    def run(self, ending):
        while not ending.wait(PAUSE):
            self._ask()

    def answered_by(self, number):
        return bool(self.numbers) and self.numbers[-1][1] == number

    def _ask(self):
        self._asked += 1
        msguid = f"{id(self):x}-{self._asked}"
        began = monotonic()
        answer = b""
        for _ in range(TRIES):
            answer = self._exchange(attempt(msguid=msguid))
            if answer.endswith(b"\n"):
                break
        self.longest = max(self.longest, monotonic() - began)
        if not answer.endswith(b"\n"):
            self.lost.append((msguid, answer))
            return
        decision = extracted(answer) if self._exim else json.loads(answer)
        number, _, same = decision["message"].partition(" ")
        if "error" in decision or same != msguid:
            self.failed.append(answer)
        else:
            self.numbers.append((began, int(number)))

    def _exchange(self, asked):
        try:
            if self._stream is None:
                connection = socket.socket(socket.AF_UNIX)
                connection.settimeout(PATIENCE)
                connection.connect(self._where)
                self._stream = connection.makefile("rwb")
                connection.close()
            self._stream.write(self._request(asked))
            self._stream.flush()
            answer = self._stream.readline()
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
        if not (self._keep and answer.endswith(b"\n")):
            stream, self._stream = self._stream, None
            if stream is not None:
                with suppress(OSError):  # what could not be sent
                    stream.close()
        return answer

    def _request(self, asked):
        if not self._exim:
            return line(asked)
        values = {**asked, **EXIM}
        return b"".join(field(name, str(value)) for name, value in values.items()) + b"\n"


class Saver:
    """Saves the hook file or the configuration, each time in another way."""

    def __init__(self, daemon):
        self._file = Path(daemon.hook_file)
        self._config = self._file.with_name("hookframe.toml")
        self._text = self._config.read_text()

    def save(self, number, seconds):
        """Save a number, and how many seconds the slow plugin takes to be configured."""
        text = HOOK.format(number=number)
        if number % 5 == 4:  # a new file by a new configuration
            name = f"hook-{number}.py"
            self._write(self._file.with_name(name), text)
            self._replace(self._config, self._configured(seconds, name))
            return
        self._write_if_other(self._config, self._configured(seconds, self._file.name))
        match number % 4:
            case 0:
                self._replace(self._file, text)
            case 1:
                self._write(self._file, text)
            case 2:  # half of it, and the rest later
                with self._file.open("w") as file:
                    file.write(text[: len(text) // 2])
                    file.flush()
                    sleep(0.05)
                    file.write(text[len(text) // 2 :])
            case 3:  # a symbolic link is swapped
                target = self._file.with_name(f"release-{number}.py")
                self._write(target, text)
                link = self._file.with_name("link.py")
                link.symlink_to(target)
                link.rename(self._file)

    def _configured(self, seconds, name):
        own = re.sub("hook_file = .*", f'hook_file = "{name}"', self._text)
        return own.replace("seconds = 0", f"seconds = {seconds}")

    def _write(self, path, text):
        if path.is_symlink():
            path.unlink()
        path.write_text(text)
        path.chmod(0o644)

    def _write_if_other(self, path, text):
        if path.read_text() != text:
            self._replace(path, text)

    def _replace(self, path, text):
        new = path.with_suffix(".new")
        self._write(new, text)
        new.rename(path)


@pytest.mark.timeout(60 + SAVES * 5)
@pytest.mark.slow
def test_saves_in_all_ways_lose_no_attempt_fail_none_and_delay_none(fresh):
    daemon = fresh()
    daemon.install("slow", SLOW)
    chain = 'chain = ["slow", "file"]\n[plugins.slow.settings]\nseconds = 0\n'
    daemon.write(HOOK.format(number=0), chain)
    daemon.start("env", f"PYTHONPATH={daemon.installed}")
    saver, ending = Saver(daemon), threading.Event()
    clients = [Client(daemon.jsonl) for _ in range(CLIENTS - 4)]
    clients += [Client(daemon.jsonl, keep=False), Client(daemon.jsonl, keep=False)]
    clients += [Client(daemon.exim, exim=True) for _ in range(2)]
    live = []
    with ExitStack() as stack:
        for client in clients:
            thread = threading.Thread(target=client.run, args=(ending,))
            thread.start()
            stack.callback(thread.join)
        stack.callback(ending.set)
        for number in range(1, SAVES + 1):
            seconds = 2 if number % SLOW_ONE_OF == 0 else 0
            began = monotonic()
            saver.save(number, seconds)
            live_by = began + seconds + LONGEST
            while not all(each.answered_by(number) for each in clients):
                assert monotonic() < live_by, f"save {number} is not live; {daemon.output[-4000:]}"
                sleep(PAUSE)
            live.append(monotonic() - began - seconds)
    longest = max(each.longest for each in clients)
    quick = sorted(live)
    print(
        f"\n{SAVES} saves, {sum(len(each.numbers) for each in clients)} attempts: "
        f"longest wait {longest * 1000:.0f} ms; live after {quick[len(quick) // 2] * 1000:.0f} ms "
        f"(median), {quick[-1] * 1000:.0f} ms (longest)"
    )
    assert [each.lost for each in clients if each.lost] == []
    assert [each.failed for each in clients if each.failed] == []
    assert max(live) < 3.0
    assert daemon.status()["unaccounted"] == 0
    assert daemon.status()["restarts"]["death"] == daemon.status()["restarts"]["hang"] == 0


SLOW_HOOK = """
import time


def pre_delivery_attempt(attempt):
    time.sleep(0.2)
    return {{"action": "pause", "message": "{number} " + attempt["msguid"]}}
"""


def test_saves_that_come_faster_than_a_hook_ends_lose_no_attempt(fresh):
    daemon = fresh()
    daemon.write(SLOW_HOOK.format(number=0), 'deadline = "10s"\n')
    daemon.start()
    clients = [Client(daemon.jsonl), Client(daemon.jsonl, keep=False)]
    clients += [Client(daemon.exim, exim=True) for _ in range(2)]
    ending = threading.Event()
    with ExitStack() as stack:
        for client in clients:
            thread = threading.Thread(target=client.run, args=(ending,))
            thread.start()
            stack.callback(thread.join)
        stack.callback(ending.set)
        for number in range(1, 31):
            daemon.save(daemon.hook_file, SLOW_HOOK.format(number=number))
            sleep(0.08)
        until = monotonic() + PATIENCE
        while not all(each.answered_by(30) for each in clients):
            assert monotonic() < until, daemon.output[-4000:]
            sleep(PAUSE)
    assert [each.lost + each.failed for each in clients] == [[], [], [], []]
    assert not daemon.logged("error in pre_delivery_attempt_hook")


@pytest.mark.parametrize("over", ["unix", "tcp"])
def test_a_client_that_keeps_its_connection_busy_is_soon_answered_by_a_change(fresh, over):
    daemon = fresh()
    daemon.write(TAKING_ITS_TIME.format("old"), 'deadline = "5s"\n')
    daemon.start()
    with daemon.connect(daemon.port if over == "tcp" else None) as client:
        client.send(line(attempt()) * 2)
        assert client.answer()["message"] == "old"
        daemon.save(daemon.hook_file, TAKING_ITS_TIME.format("new"))
        daemon.wait_for("generation 2")
        answered = 0
        with suppress(AssertionError, BrokenPipeError, ConnectionResetError):
            while True:  # two are always under way
                client.send(line(attempt()))
                assert client.answer()["message"] == "old"
                answered += 1
    assert answered <= 5
    assert daemon.ask(attempt())["message"] == "new"
