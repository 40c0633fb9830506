"""500 messages through Exim while the policy is saved each 100 ms: none lost, none wrongly sent."""

from __future__ import annotations

import re
import threading
from collections import Counter

import pytest

from .exim import Message

HOOK = """\
def pre_delivery_attempt(attempt):
    return {{"action": "new_config", "new_sender": "version-{number}@verp.test"}}
"""
COUNT = 500
PAUSE = 0.1
SLACK = 30
"""Versions by which a message may be older than another one that the sink has seen before: it was
decided within the three seconds that its delivery may take on a busy machine."""


class Saver(threading.Thread):
    """Saves a new version each tenth of a second, by a rename and in place in turns."""

    def __init__(self, daemon):
        super().__init__()
        self._daemon = daemon
        self.ending = threading.Event()
        self.number = 0

    def run(self):
        while not self.ending.wait(PAUSE):
            self.number += 1
            text = HOOK.format(number=self.number)
            if self.number % 2:
                self._daemon.save(self._daemon.hook_file, text)
            else:
                self._daemon.hook_file.write_text(text)


@pytest.mark.timeout(110)
def test_500_messages_are_delivered_by_the_policy_of_their_moment_while_it_is_saved(
    exim, sink, make_daemon
):
    daemon = make_daemon()
    daemon.start_with(HOOK.format(number=0))
    saver = Saver(daemon)
    messages = [Message("s@sender.test", (f"r{number}@remote.test",)) for number in range(COUNT)]
    exim.queue_messages(messages)
    saver.start()
    try:
        for run in [exim.start_queue_run() for _ in range(3)]:
            assert run.communicate(timeout=90)[1] == b""
    finally:
        saver.ending.set()
        saver.join()
    sent = Counter(address.strip("<>") for seen in sink.seen() for address in seen["rcpt"])
    assert sent == {f"r{number}@remote.test": 1 for number in range(COUNT)}
    assert exim.queue() == {} or not exim.queue()
    newest = 0
    for seen in sink.seen():
        version = int(re.fullmatch(r"<version-(\d+)@verp\.test>", seen["mail"])[1])
        assert newest - SLACK <= version <= saver.number
        newest = max(newest, version)
    assert newest > 1
