"""500 messages through Exim while the policy is saved each 100 ms: none lost, none wrongly sent."""

from __future__ import annotations

import re
import threading
from collections import Counter
from time import monotonic, sleep

import pytest

from .exim import Message

# The version is the larger of two numbers, so that either of the two files may be the one saved.
HOOK = """\
import time

NUMBER = {number}
SETTINGS = {{}}


def configure(settings):
    SETTINGS.update(settings)


def pre_delivery_attempt(attempt):
    version = max(NUMBER, SETTINGS["number"])
    sender = f"v{{version}}.{{time.monotonic_ns()}}@verp.test"
    if version % 2:
        return {{"action": "new_config", "new_sender": sender, "new_mtaid": "vmta2"}}
    return {{"action": "new_config", "new_sender": sender, "new_mtaid": "vmta3"}}
"""
HALF = "import time\n\n\ndef pre_delivery_attempt():\n    return None\n"
"""A complete hook file, which is the first part of a longer one: nothing may be decided by it."""
BROKEN = "def pre_delivery_attempt(:\n"
MORE = """\
workers = {workers}
on_load_error = "keep"
[limits]
answer_time = "2s"
[plugins.file.settings]
number = {number}
"""
PEERS = {0: "127.0.0.4", 1: "127.0.0.3"}
"""The source addresses of the VirtualMTAs, by the version modulo two."""
COUNT = 500
PAUSE = 0.1
ANSWER_TIME = 2.0
"""Seconds after which nothing may be decided by a policy of which a newer one is live."""
OLDEST = 3.0
"""Seconds after which a save must be live, while others follow it, on a busy machine."""


class Saver(threading.Thread):
    """Saves a new version each tenth of a second, in another way each time.

    Args:
        daemon: the daemon.
        breaks: whether each of them follows a save that can't be loaded, of the hook file only.
    """

    def __init__(self, daemon, *, breaks):
        super().__init__()
        self._breaks = breaks
        self.ways = 5 if breaks else 6
        self._file, self._configuration = daemon.hook_file, daemon.configuration
        self._replace = daemon.save
        self._toml = daemon.configuration.read_text()
        self.ending = threading.Event()
        self.began = [0.0]
        """when each version was begun to be written"""
        self.ended = [0.0]
        """when it was complete"""

    def run(self):
        while not self.ending.wait(PAUSE):
            number = len(self.began)
            if self._breaks:
                self._replace(self._file, BROKEN)
                sleep(PAUSE / 2)
            self.began.append(monotonic())
            self._save(number, HOOK.format(number=number))
            self.ended.append(monotonic())

    def _save(self, number, text):
        match number % self.ways:
            case 0:
                self._replace(self._file, text)
            case 1:
                self._file.write_text(text)
            case 2:
                self._write_late(HALF, text)
            case 3:  # the old file is moved away, as some editors do
                self._file.rename(self._file.with_name("hook.py~"))
                self._file.write_text(text)
            case 4:
                self._swap_link(number, text)
            case 5:
                toml = re.sub("number = .*", f"number = {number}", self._toml)
                self._replace(self._configuration, toml)

    def _write_late(self, half, text):
        with self._file.open("w") as file:
            file.write(half)
            file.flush()
            sleep(PAUSE / 2)
            file.write(text)

    def _swap_link(self, number, text):
        target = self._file.with_name(f"release{number}.py")
        target.write_text(text)
        link = self._file.with_name("link.py")
        link.symlink_to(target)
        link.rename(self._file)


@pytest.mark.timeout(110)
@pytest.mark.parametrize(
    ("workers", "breaks"),
    [(1, False), (3, True)],
    ids=["one worker", "three workers, and broken saves"],
)
def test_500_messages_are_delivered_by_the_policy_of_their_moment_while_it_is_saved(
    exim, sink, make_daemon, workers, breaks
):
    daemon = make_daemon()
    daemon.start_with(HOOK.format(number=0), MORE.format(workers=workers, number=0))
    saver = Saver(daemon, breaks=breaks)
    before = len(sink.seen())
    messages = [Message("s@sender.test", (f"r{number}@remote.test",)) for number in range(COUNT)]
    exim.queue_messages(messages)
    saver.start()
    try:
        for run in [exim.start_queue_run() for _ in range(3)]:
            assert run.communicate(timeout=90)[1] == b""
    finally:
        saver.ending.set()
        saver.join()
    assert daemon.stop() == 0

    seen = sink.seen()[before:]
    sent = Counter(address.strip("<>") for each in seen for address in each["rcpt"])
    assert sent == {f"r{number}@remote.test": 1 for number in range(COUNT)}
    assert not exim.queue()
    assert [line for line in exim.log() if " == " in line or " ** " in line] == []
    assert "error in" not in daemon.output
    assert ("error loading" in daemon.output) == breaks

    decided = sorted(map(decided_by, seen), key=lambda each: each[1])
    newest, newest_at = 0, 0.0
    for version, moment in decided:
        assert saver.began[version] <= moment
        assert all(ended > moment - OLDEST for ended in saver.ended[version + 1 :])
        if version > newest:
            newest, newest_at = version, moment
        assert version == newest or moment <= newest_at + ANSWER_TIME
    # Each way of saving has put something into use.
    assert len({version % saver.ways for version, _ in decided}) == saver.ways


def decided_by(seen):
    """Return by which version a message was decided, and when; all of it must be of that one."""
    found = re.fullmatch(r"<v(\d+)\.(\d+)@verp\.test>", seen["mail"])
    assert found, seen
    version = int(found[1])
    assert seen["peer"] == PEERS[version % 2]
    return version, int(found[2]) / 1e9
