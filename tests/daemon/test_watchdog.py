"""When a child counts as stuck."""

from __future__ import annotations

import pytest

from hookframe.daemon.scoreboard import (
    ATTEMPT,
    DEADLINE,
    HEARTBEAT,
    KILL_AFTER,
    LOAD_TIME,
    LOADING,
    MICROSECONDS,
    Slot,
)
from hookframe.daemon.server.server import SWEEP
from hookframe.daemon.supervisor.watchdog import Hang, Watchdog


def watched(
    start=1000.0,
    stop=1010.0,
    step=0.1,
    longest=2.0,
    load_time=4.0,
    act=None,
):
    """Look at a child again and again; give the time of the first look at which it was stuck.

    `act` writes on the child's slot what it does at each time.
    """
    slot = Slot()
    slot.fields[KILL_AFTER] = int(longest * MICROSECONDS)
    slot.fields[LOAD_TIME] = int(load_time * MICROSECONDS)
    watchdog, now = Watchdog(slot, start), start
    while now < stop:
        act(slot.fields, now)
        stuck = watchdog.check(now)
        if stuck is not Hang.NONE:
            return stuck, now - start
        now += step
    return Hang.NONE, None


def beating(fields, now):
    fields[HEARTBEAT] = int(now * MICROSECONDS)


def test_a_child_that_goes_from_attempt_to_attempt_is_not_stuck():
    def act(fields, now):
        fields[ATTEMPT] = int(now)

    assert watched(act=act) == (Hang.NONE, None)


def test_a_child_that_stays_in_one_attempt_is_stuck_once_the_longest_time_is_over():
    def act(fields, now):
        fields[ATTEMPT] = 7

    stuck, after = watched(act=act)
    assert stuck is Hang.IN_AN_ATTEMPT
    assert 2.0 < after < 2.3


def test_an_attempt_whose_deadline_is_over_is_behind_time_before_it_is_stuck():
    def act(fields, now):
        fields[DEADLINE] = int(1 * MICROSECONDS)
        fields[ATTEMPT] = 7

    stuck, after = watched(act=act)
    assert stuck is Hang.OVERDUE
    assert 1.0 < after < 1.3


def test_without_a_deadline_an_attempt_may_last_for_ever():
    def act(fields, now):
        fields[ATTEMPT] = 7

    assert watched(act=act, longest=0, stop=2000.0, step=0.5) == (Hang.NONE, None)


def test_a_child_that_shows_no_life_between_attempts_is_stuck():
    def act(fields, now):
        fields[HEARTBEAT] = int(1000 * MICROSECONDS)

    stuck, after = watched(act=act)
    assert stuck is Hang.BETWEEN_ATTEMPTS
    assert 5.0 < after < 5.3


def test_a_child_that_shows_life_may_stay_idle_for_ever():
    assert watched(act=beating, stop=1500.0, step=0.5) == (Hang.NONE, None)


def test_a_child_that_has_just_ended_a_long_attempt_has_time_to_show_life():
    def act(fields, now):
        fields[HEARTBEAT] = int(1000 * MICROSECONDS) if now < 1064 else int(now * MICROSECONDS)
        fields[ATTEMPT] = 7 if now < 1060 else 0

    assert watched(act=act, longest=0, stop=1100.0) == (Hang.NONE, None)


def test_a_load_that_takes_too_long_is_stuck_though_attempts_go_on():
    def act(fields, now):
        beating(fields, now)
        fields[LOADING] = int(1001 * MICROSECONDS)

    stuck, after = watched(act=act)
    assert stuck is Hang.IN_A_LOAD
    assert 5.0 < after < 5.3


@pytest.mark.parametrize("away", [0.9, 8.0, 17.0, 40.0])
def test_a_child_that_was_stopped_as_long_as_the_supervisor_has_time_to_show_life(away):
    slot = Slot()
    slot.fields[HEARTBEAT] = int((1000 - SWEEP) * MICROSECONDS)
    watchdog = Watchdog(slot, 900.0)
    watchdog.check(999.9)
    watchdog.check(1000.0)
    assert watchdog.check(1000.0 + away) is Hang.NONE
    assert watchdog.check(1000.1 + away) is Hang.NONE


@pytest.mark.parametrize("attempt", [0, 7])
def test_a_supervisor_that_was_away_itself_gives_time(attempt):
    slot = Slot()
    slot.fields[KILL_AFTER] = 2 * MICROSECONDS
    slot.fields[HEARTBEAT] = 1000 * MICROSECONDS
    slot.fields[ATTEMPT] = attempt
    watchdog = Watchdog(slot, 1000.0)
    watchdog.check(1000.0)
    assert watchdog.check(1900.0) is Hang.NONE
    assert watchdog.check(1900.1) is Hang.NONE
