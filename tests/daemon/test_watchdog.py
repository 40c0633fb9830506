"""When a child counts as stuck, and when its hook is overdue."""

from __future__ import annotations

from math import inf

import pytest

from hookframe.chain.deadline import DUE, STARTED
from hookframe.daemon.scoreboard import ATTEMPT, HEARTBEAT, MICROSECONDS, Slot
from hookframe.daemon.server.server import SWEEP
from hookframe.daemon.supervisor.watchdog import Hang, Watchdog


def watched(start=1000.0, stop=1010.0, step=0.1, deadline=2.0, wanted=None, act=None):
    """Look at a child again and again; give the time of the first look that finds something.

    `act` writes on the child's slot what it does at each time.
    """
    slot = Slot()
    watchdog, now = Watchdog(slot, start), start
    while now < stop:
        act(slot, now)
        found = watchdog.check(now, deadline)
        if found is not Hang.NONE and wanted in (None, found):
            return found, now - start
        now += step
    return Hang.NONE, None


def beat(slot, now):
    slot.fields[HEARTBEAT] = int(now * MICROSECONDS)


def run_hook(slot, started, due, number=7):
    slot.fields[ATTEMPT] = number
    slot.cells[STARTED], slot.cells[DUE] = started, due


def test_a_child_that_goes_from_attempt_to_attempt_is_not_stuck():
    def act(slot, now):
        run_hook(slot, now, now + 2, int(now * 10))

    assert watched(act=act) == (Hang.NONE, None)


def test_a_hook_is_overdue_when_its_deadline_has_ended():
    def act(slot, now):
        run_hook(slot, 1000.0, 1002.0)

    found, after = watched(act=act)
    assert found is Hang.OVERDUE
    assert 2.0 < after < 2.2


def test_the_deadline_of_one_plugin_may_end_earlier():
    def act(slot, now):
        run_hook(slot, 1000.0, 1000.5)

    found, after = watched(act=act)
    assert found is Hang.OVERDUE
    assert 0.5 < after < 0.7


@pytest.mark.parametrize(("deadline", "kill"), [(2.0, 2.5), (0.2, 0.45)])
def test_a_hook_is_to_be_killed_a_quarter_after_the_deadline_of_the_chain(deadline, kill):
    def act(slot, now):
        run_hook(slot, 1000.0, 1000.0 + deadline)

    found, after = watched(act=act, deadline=deadline, step=0.05, wanted=Hang.IN_AN_ATTEMPT)
    assert found is Hang.IN_AN_ATTEMPT
    assert kill < after < kill + 0.11


def test_an_attempt_that_has_not_reached_its_hook_is_stuck_as_late():
    def act(slot, now):
        slot.fields[ATTEMPT] = 7

    found, after = watched(act=act)
    assert found is Hang.IN_AN_ATTEMPT
    assert 2.5 < after < 2.7


def test_without_a_deadline_an_attempt_may_last_for_ever():
    def act(slot, now):
        run_hook(slot, 1000.0, inf)

    assert watched(act=act, deadline=0, stop=2000.0, step=0.5) == (Hang.NONE, None)


def test_a_child_that_shows_no_life_between_attempts_is_stuck():
    def act(slot, now):
        beat(slot, 1000)

    stuck, after = watched(act=act)
    assert stuck is Hang.BETWEEN_ATTEMPTS
    assert 5.0 < after < 5.3


def test_a_child_that_has_never_shown_life_is_still_loading():
    assert watched(act=lambda slot, now: None, stop=1100.0) == (Hang.NONE, None)


def test_a_child_that_shows_life_may_stay_idle_for_ever():
    assert watched(act=beat, stop=1500.0, step=0.5) == (Hang.NONE, None)


def test_a_child_that_has_just_ended_a_long_attempt_has_time_to_show_life():
    def act(slot, now):
        beat(slot, 1000 if now < 1064 else now)
        slot.fields[ATTEMPT] = 7 if now < 1060 else 0

    assert watched(act=act, deadline=0, stop=1100.0) == (Hang.NONE, None)


@pytest.mark.parametrize("away", [0.9, 8.0, 17.0, 40.0])
def test_a_child_that_was_stopped_as_long_as_the_supervisor_has_time_to_show_life(away):
    slot = Slot()
    beat(slot, 1000 - SWEEP)
    watchdog = Watchdog(slot, 900.0)
    watchdog.check(999.9, 1.0)
    watchdog.check(1000.0, 1.0)
    assert watchdog.check(1000.0 + away, 1.0) is Hang.NONE
    assert watchdog.check(1000.1 + away, 1.0) is Hang.NONE


def test_a_supervisor_that_was_away_itself_gives_a_hook_time_before_the_kill():
    slot = Slot()
    run_hook(slot, 1000.0, 1002.0)
    watchdog = Watchdog(slot, 1000.0)
    watchdog.check(1000.0, 2.0)
    assert watchdog.check(1900.0, 2.0) is not Hang.IN_AN_ATTEMPT
    assert watchdog.check(1900.1, 2.0) is not Hang.IN_AN_ATTEMPT


def test_the_next_check_is_when_something_is_due():
    slot = Slot()
    watchdog = Watchdog(slot, 1000.0)
    assert watchdog.next_check(1000.0, 2.0) == inf
    run_hook(slot, 1000.0, 1000.5)
    watchdog.check(1000.1, 2.0)
    assert watchdog.next_check(1000.1, 2.0) == 1000.5
    assert 1000.6 < watchdog.next_check(1000.6, 2.0) < 1000.62
