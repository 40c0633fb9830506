"""500 attempts while the policy is saved every 100 ms: none lost, none against the policy."""

from __future__ import annotations

import threading
import time

import pytest

HOOK = """\
def pre_delivery_attempt(attempt):
    return {{"action": "pause", "message": "version {number}"}}
"""
HALF = "def pre_delivery_attempt():\n    return None\n\n\n"
"""A complete hook file, which is the first part of a longer one: nothing may be decided by it."""
COUNT = 500
PAUSE = 0.1
SAVES = 24
HOSTS = 2


class Saver(threading.Thread):
    """Saves a new version each tenth of a second, in another way each time."""

    def __init__(self, daemon):
        super().__init__()
        self._daemon = daemon
        self.ending = threading.Event()
        self.number = 0
        """the version that was begun to be saved last"""

    def run(self):
        while not self.ending.wait(PAUSE):
            self.number += 1
            self._save(self._daemon.hook_file, HOOK.format(number=self.number))

    def _save(self, path, text):
        match self.number % 4:
            case 0:
                self._daemon.save(path, text)
            case 1:
                path.write_text(text)
            case 2:
                with path.open("w") as file:
                    file.write(HALF)
                    file.flush()
                    time.sleep(PAUSE / 2)
                    file.write(text)
            case 3:  # the old file is moved away, as some editors do
                path.rename(path.with_name("hook.py~"))
                path.write_text(text)


class Asker(threading.Thread):
    """A GreenArrow that asks about one attempt after the other.

    Args:
        host: the GreenArrow.
        saver: saves meanwhile.
    """

    def __init__(self, host, saver):
        super().__init__()
        self._host = host
        self._saver = saver
        self.wrong = []
        """outcomes that no version explains, and versions after a newer one or before their save"""
        self.newest = 0
        self.versions = set()

    def run(self):
        asked = 0
        while asked < COUNT or self._saver.number < SAVES:
            asked += 1
            outcome = self._host.call(msguid=str(asked))
            saved, decision = self._saver.number, outcome["decision"]
            action, message = decision.get("action"), decision.get("message", "")
            number = message.removeprefix("version ")
            if outcome["error"] or action != "pause" or not number.isdigit():
                self.wrong.append(outcome)
            elif not self.newest <= int(number) <= saved:
                self.wrong.append((outcome, self.newest, saved))
            else:
                self.newest = int(number)
                self.versions.add(self.newest)


@pytest.mark.slow
def test_attempts_are_answered_by_the_policy_of_their_moment_while_it_is_saved(fresh, host):
    daemon = fresh()
    daemon.write(HOOK.format(number=0), 'deadline = "30s"\n')
    daemon.start()
    saver = Saver(daemon)
    askers = [Asker(host(f"unix:{daemon.jsonl}"), saver) for _ in range(HOSTS)]
    for thread in (saver, *askers):
        thread.start()
    for asker in askers:
        asker.join()
    saver.ending.set()
    saver.join()
    for asker in askers:
        assert asker.wrong == []
        assert len(asker.versions) > SAVES // 4
    assert "error" not in daemon.output
