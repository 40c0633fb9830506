"""A change of the chain is let in before the next attempt."""

from __future__ import annotations

import sys
from threading import Event, Thread

from hookframe.host import lock as turns
from hookframe.testing import eventually

from ..helpers.attempts import NORMAL, attempt
from ..helpers.site import policy


def waits_for_its_turn(thread):
    """Say whether a thread stands in the door."""
    frame = sys._current_frames().get(thread.ident)
    return frame is not None and frame.f_code.co_filename == turns.__file__


def test_a_change_that_waits_is_let_in_before_the_next_attempt_of_a_thread_that_never_pauses(site):
    old = (
        "def pre_delivery_attempt(attempt):\n"
        "    attempt['entered']()\n"
        "    return {'action': 'pause', 'message': 'old'}\n"
    )
    host = site.host(policy(hook_file="hook.py", deadline="50s"), old)
    entered, go_on = Event(), Event()

    def wait():
        entered.set()
        go_on.wait()

    answers = []

    def ask():
        for _ in range(3):
            answers.append(host.decide({**attempt(), "entered": wait}))

    asking, changing = Thread(target=ask), Thread(target=host.reload)
    asking.start()
    entered.wait()
    site.save("def pre_delivery_attempt(attempt): return None\n")
    changing.start()
    eventually(lambda: waits_for_its_turn(changing))
    go_on.set()
    asking.join()
    changing.join()
    assert [answer["action"] for answer in answers] == ["pause", "normal", "normal"]


def test_an_attempt_within_an_attempt_does_not_wait_for_a_change(site):
    source = (
        "def pre_delivery_attempt(attempt):\n"
        "    inner = attempt.get('inner')\n"
        "    return inner() if inner else None\n"
    )
    host = site.host(policy(hook_file="hook.py", deadline="50s"), source)
    changing = Thread(target=host.reload)

    def inner():
        changing.start()
        eventually(lambda: waits_for_its_turn(changing))
        return host.decide(attempt())

    assert host.decide({**attempt(), "inner": inner}) == NORMAL
    changing.join()
    assert host.decide(attempt()) == NORMAL
