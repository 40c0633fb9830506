"""500 attempts while the policy is saved every 100 ms: none lost, none against the policy."""

from __future__ import annotations

import threading

import pytest

HOOK = """\
def pre_delivery_attempt(attempt):
    return {{"action": "pause", "message": "version {number}"}}
"""
COUNT = 500
PAUSE = 0.1


@pytest.mark.slow
def test_attempts_are_answered_by_the_policy_of_their_moment_while_it_is_saved(daemon, asking):
    ending, saved = threading.Event(), [0]

    def save():
        while not ending.wait(PAUSE):
            saved[0] += 1
            daemon.save(daemon.hook_file, HOOK.format(number=saved[0]))

    before = daemon.hook_file.read_text()
    saver = threading.Thread(target=save)
    saver.start()
    try:
        versions, asked = [], 0
        while asked < COUNT or saved[0] < COUNT // 25:
            outcome = asking.call(msguid=str(asked))
            asked += 1
            assert outcome["error"] == "", outcome
            decision = outcome["decision"]
            if decision["action"] == "pause":
                versions.append(int(decision["message"].removeprefix("version ")))
            else:
                assert not versions, outcome
                assert decision == {"action": "normal"}
    finally:
        ending.set()
        saver.join()
        daemon.save(daemon.hook_file, before)
    assert versions == sorted(versions)
    assert versions[-1] > 1
