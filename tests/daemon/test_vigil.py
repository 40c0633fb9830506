"""When a child counts as stuck."""

from __future__ import annotations

import pytest

from hookframe.daemon.scoreboard import (
    ATTEMPT,
    BEAT,
    DEADLINE,
    DOZING,
    LOAD_TIME,
    LOADING,
    LONGEST,
    Slot,
)
from hookframe.daemon.supervisor.watchdog import MICROSECONDS, Stuck, Vigil


def watched(
    start=1000.0,
    stop=1010.0,
    step=0.1,
    longest=2.0,
    load_time=4.0,
    act=None,
    waited_for=lambda now: None,
):
    """Look at a child again and again; give the time of the first look at which it was stuck.

    `act` writes on the child's slot what it does at each time, `waited_for` says since when a
    client waits.
    """
    slot = Slot()
    slot.cells[LONGEST] = int(longest * MICROSECONDS)
    slot.cells[LOAD_TIME] = int(load_time * MICROSECONDS)
    vigil, now = Vigil(slot, start), start
    while now < stop:
        act(slot.cells, now)
        stuck = vigil.judge(now, waited_for(now))
        if stuck is not Stuck.NOWHERE:
            return stuck, now - start
        now += step
    return Stuck.NOWHERE, None


def beating(cells, now):
    cells[BEAT] = int(now * MICROSECONDS)


def test_a_child_that_goes_from_attempt_to_attempt_is_not_stuck():
    def act(cells, now):
        cells[ATTEMPT] = int(now)

    assert watched(act=act) == (Stuck.NOWHERE, None)


def test_a_child_that_stays_in_one_attempt_is_stuck_once_the_longest_time_is_over():
    def act(cells, now):
        cells[ATTEMPT] = 7

    stuck, after = watched(act=act)
    assert stuck is Stuck.IN_AN_ATTEMPT
    assert 2.0 < after < 2.3


def test_an_attempt_whose_deadline_is_over_is_behind_time_before_it_is_stuck():
    def act(cells, now):
        cells[DEADLINE] = int(1 * MICROSECONDS)
        cells[ATTEMPT] = 7

    stuck, after = watched(act=act)
    assert stuck is Stuck.BEHIND_TIME
    assert 1.0 < after < 1.3


def test_without_a_deadline_an_attempt_may_last_for_ever():
    def act(cells, now):
        cells[ATTEMPT] = 7

    assert watched(act=act, longest=0, stop=2000.0, step=0.5) == (Stuck.NOWHERE, None)


def test_a_child_that_shows_no_life_between_attempts_is_stuck():
    def act(cells, now):
        cells[BEAT] = int(1000 * MICROSECONDS)

    stuck, after = watched(act=act)
    assert stuck is Stuck.BETWEEN_ATTEMPTS
    assert 5.0 < after < 5.3


@pytest.mark.parametrize("step", [0.1, 30])
def test_a_child_that_dozes_shows_life_more_rarely(step):
    def act(cells, now):
        cells[DOZING] = 1
        cells[BEAT] = int(1000 * MICROSECONDS)

    stuck, after = watched(act=act, step=step, stop=1100.0)
    assert stuck is Stuck.BETWEEN_ATTEMPTS
    assert 60.0 < after < 60.1 + step


def test_a_child_that_dozes_is_stuck_if_a_client_waits_and_it_shows_no_life():
    def act(cells, now):
        cells[DOZING] = 1
        cells[BEAT] = int(1000 * MICROSECONDS)

    def waited_for(now):
        return 1010.0 if now >= 1010 else None

    stuck, after = watched(act=act, stop=1020.0, waited_for=waited_for)
    assert stuck is Stuck.BETWEEN_ATTEMPTS
    assert 15.0 < after < 15.3


def test_a_child_that_is_awake_is_not_judged_by_clients_that_wait_for_another_one():
    def act(cells, now):
        cells[BEAT] = int(1000 * MICROSECONDS)
        cells[ATTEMPT] = 7

    assert watched(act=act, longest=0, waited_for=lambda now: 1000.0) == (Stuck.NOWHERE, None)


def test_a_child_that_shows_life_while_a_client_waits_is_not_stuck():
    def act(cells, now):
        beating(cells, now)
        cells[DOZING] = 1

    assert watched(act=act, waited_for=lambda now: 1000.0) == (Stuck.NOWHERE, None)


@pytest.mark.parametrize(
    ("cells", "dozing"), [({DOZING: 1}, True), ({DOZING: 1, LOADING: 1}, False), ({}, False)]
)
def test_a_child_that_dozes_is_left_alone_unless_it_loads(cells, dozing):
    slot = Slot()
    for cell, value in cells.items():
        slot.cells[cell] = value
    assert Vigil(slot, 1000.0).dozing is dozing


def test_a_child_that_shows_life_may_stay_idle_for_ever():
    assert watched(act=beating, stop=1500.0, step=0.5) == (Stuck.NOWHERE, None)


def test_a_child_that_has_just_ended_a_long_attempt_has_time_to_show_life():
    def act(cells, now):
        cells[BEAT] = int(1000 * MICROSECONDS) if now < 1064 else int(now * MICROSECONDS)
        cells[ATTEMPT] = 7 if now < 1060 else 0

    assert watched(act=act, longest=0, stop=1100.0) == (Stuck.NOWHERE, None)


def test_a_load_that_takes_too_long_is_stuck_though_attempts_go_on():
    def act(cells, now):
        beating(cells, now)
        cells[LOADING] = int(1001 * MICROSECONDS)

    stuck, after = watched(act=act)
    assert stuck is Stuck.IN_A_LOAD
    assert 5.0 < after < 5.3


@pytest.mark.parametrize(
    ("dozing", "last_beat", "away"),
    [
        (0, 0.5, 8.0),
        (0, 0.5, 17.0),
        (0, 0.5, 40.0),
        (1, 25.0, 31.9),
        (1, 25.0, 32.1),
        (1, 25.0, 60.0),
    ],
)
def test_a_child_that_was_stopped_as_long_as_the_supervisor_has_time_to_show_life(
    dozing, last_beat, away
):
    slot = Slot()
    slot.cells[DOZING] = dozing
    slot.cells[BEAT] = int((1000 - last_beat) * MICROSECONDS)
    vigil = Vigil(slot, 900.0)
    vigil.judge(999.9)
    vigil.judge(1000.0)
    assert vigil.judge(1000.0 + away) is Stuck.NOWHERE
    assert vigil.judge(1000.1 + away) is Stuck.NOWHERE


def test_a_child_for_which_a_client_waits_has_time_after_all_were_stopped():
    slot = Slot()
    slot.cells[DOZING] = 1
    slot.cells[BEAT] = 990 * MICROSECONDS
    vigil = Vigil(slot, 900.0)
    vigil.judge(1000.0, waited_for=1000.0)
    assert vigil.judge(1008.0, waited_for=1000.0) is Stuck.NOWHERE
    assert vigil.judge(1008.1, waited_for=1000.0) is Stuck.NOWHERE


@pytest.mark.parametrize("attempt", [0, 7])
def test_a_supervisor_that_was_away_itself_gives_time(attempt):
    slot = Slot()
    slot.cells[LONGEST] = 2 * MICROSECONDS
    slot.cells[BEAT] = 1000 * MICROSECONDS
    slot.cells[ATTEMPT] = attempt
    vigil = Vigil(slot, 1000.0)
    vigil.judge(1000.0)
    assert vigil.judge(1900.0) is Stuck.NOWHERE
    assert vigil.judge(1900.1) is Stuck.NOWHERE
