"""`hookframe.daemon.rehearsal`: who loads a change first, and what a worker makes of that."""

from __future__ import annotations

import pytest

from hookframe.daemon.rehearsal import LoadCrashes, StandbyFirst
from hookframe.daemon.scoreboard import RequestMarker, Scoreboard
from hookframe.host.rehearsal import Advice, Numbers, Rehearsal, number_of
from hookframe.testing import eventually

OLD, NEW, THIRD = Numbers(1, 1), Numbers(2, 2), Numbers(3, 3)


class Household:
    """A worker, a standby and their supervisor's book of the dead, on one board."""

    def __init__(self):
        self.scoreboard = Scoreboard(3)
        self.worker = StandbyFirst(self.scoreboard, self.scoreboard.acquire())
        self.worker.survived(OLD, OLD)
        self.worker.serving = True
        self.slot = self.scoreboard.acquire()
        self.standby = StandbyFirst(self.scoreboard, self.slot)
        self.standby.survived(OLD, OLD)
        self.casualties = LoadCrashes(self.scoreboard.own)

    def standby_dies(self, **how):
        """Bury it, and start the next one in its place."""
        self.casualties.record_death(self.slot, **how)
        self.scoreboard.release(self.slot)
        self.slot = self.scoreboard.acquire()
        self.standby = StandbyFirst(self.scoreboard, self.slot)


@pytest.fixture
def household():
    return Household()


def test_a_standby_loads_a_change_at_once(household):
    assert household.standby.advice(NEW) is Advice.LOAD


def test_a_worker_waits_until_the_standby_has_come_to_the_end_of_it(household):
    assert household.worker.advice(NEW) is Advice.WAIT
    household.standby.begin(NEW)
    assert household.worker.advice(NEW) is Advice.WAIT
    household.standby.survived(NEW, NEW)
    assert household.worker.advice(NEW) is Advice.LOAD


def test_what_another_change_came_to_says_nothing_of_this_one(household):
    household.standby.begin(NEW)
    household.standby.survived(NEW, NEW)
    assert household.worker.advice(THIRD) is Advice.WAIT


def test_one_death_may_be_chance_and_the_next_standby_is_waited_for(household):
    assert household.worker.advice(NEW) is Advice.WAIT
    household.standby.begin(NEW)
    household.standby_dies()
    assert household.worker.advice(NEW) is Advice.WAIT
    household.standby.begin(NEW)
    household.standby.survived(NEW, NEW)
    assert household.worker.advice(NEW) is Advice.LOAD


def test_two_deaths_are_none_and_a_change_is_refused_that_costs_them(household):
    for _ in range(2):
        household.standby.begin(NEW)
        household.standby_dies()
    assert household.worker.advice(NEW) is Advice.REFUSE
    assert household.worker.advice(THIRD) is Advice.WAIT


def test_a_load_that_never_ends_is_refused_after_the_first_standby_that_had_to_be_killed(household):
    household.standby.begin(NEW)
    household.standby_dies(certain=True)
    assert household.worker.advice(NEW) is Advice.REFUSE


def test_a_change_that_was_refused_is_loaded_once_a_standby_has_survived_it(household):
    household.standby.begin(NEW)
    household.standby_dies(certain=True)
    household.standby.begin(NEW)
    household.standby.survived(NEW, NEW)
    assert household.worker.advice(NEW) is Advice.LOAD


def test_deaths_of_different_changes_do_not_add_up(household):
    for policy in (NEW, THIRD, NEW):
        household.standby.begin(policy)
        household.standby_dies()
    assert household.worker.advice(NEW) is Advice.WAIT


def test_who_dies_in_an_attempt_or_of_nothing_in_particular_says_nothing_of_a_change(household):
    for _ in range(2):
        household.standby_dies()
    stamp = RequestMarker(household.slot)
    for _ in range(2):
        household.standby.begin(NEW)
        stamp.fields[0] = 7
        household.standby_dies()
        stamp = RequestMarker(household.slot)
    assert household.worker.advice(NEW) is Advice.WAIT


def test_a_worker_that_nobody_goes_before_loads_by_itself_in_the_end(household):
    household.scoreboard.release(household.slot)
    eventually(lambda: household.worker.advice(NEW) is Advice.LOAD)


def test_a_worker_whose_load_never_ends_has_died_of_that_whatever_it_answers_meanwhile(household):
    household.standby.begin(NEW)
    RequestMarker(household.slot).fields[0] = 7
    household.standby_dies(certain=True)
    assert household.worker.advice(NEW) is Advice.REFUSE


@pytest.fixture
def late(household):
    """The same, where the worker has gone first and the standby comes to know of the change."""
    eventually(lambda: household.worker.advice(NEW) is Advice.LOAD)
    assert household.standby.advice(NEW) is Advice.WAIT
    return household


def test_a_standby_loads_what_the_worker_has_survived_that_went_first(late):
    late.worker.begin(NEW)
    assert late.standby.advice(NEW) is Advice.WAIT
    late.worker.survived(NEW, NEW)
    assert late.standby.advice(NEW) is Advice.LOAD


def test_a_standby_refuses_what_the_worker_has_hung_in_that_went_first(late):
    late.casualties.record_death(late.scoreboard.slots[0], certain=True)
    late.scoreboard.release(late.scoreboard.slots[0])
    assert late.standby.advice(NEW) is Advice.REFUSE
    assert late.standby.advice(THIRD) is Advice.LOAD


def test_a_standby_leaves_to_the_next_what_the_worker_has_died_of_that_went_first(late):
    late.casualties.record_death(late.scoreboard.slots[0])
    late.scoreboard.release(late.scoreboard.slots[0])
    assert late.standby.advice(NEW) is Advice.WAIT
    following = StandbyFirst(late.scoreboard, late.scoreboard.acquire())
    following.begin(NEW)
    assert late.standby.advice(NEW) is Advice.WAIT
    following.survived(NEW, NEW)
    assert late.standby.advice(NEW) is Advice.LOAD


def test_a_worker_does_not_load_beside_a_standby_however_long_that_takes(household):
    assert household.standby.advice(NEW) is Advice.LOAD
    assert household.worker.advice(NEW) is Advice.WAIT
    household.standby.survived(NEW, NEW)
    assert household.worker.advice(NEW) is Advice.LOAD


def test_code_files_are_part_of_a_policy(household):
    changed = Numbers(core=OLD.core, whole=9)
    assert household.worker.advice(changed) is Advice.WAIT
    household.standby.begin(changed)
    household.standby.survived(changed, changed)
    assert household.worker.advice(changed) is Advice.LOAD


def test_a_fresh_standby_comes_to_know_the_code_files_only_while_it_loads(household):
    changed = Numbers(core=NEW.core, whole=9)
    household.standby.begin(NEW)
    household.standby.survived(NEW, changed)
    assert household.worker.advice(changed) is Advice.LOAD


def test_a_changed_code_file_of_which_fresh_standbys_die_is_refused_and_loaded_once_mended(
    household,
):
    deadly, mended = Numbers(core=OLD.core, whole=8), Numbers(core=OLD.core, whole=9)
    for _ in range(2):
        household.standby.begin(OLD)
        household.standby_dies()
    assert household.worker.advice(deadly) is Advice.REFUSE
    household.standby.begin(OLD)
    household.standby.survived(OLD, mended)
    assert household.worker.advice(mended) is Advice.LOAD


def test_without_a_daemon_nobody_goes_first():
    assert Rehearsal().advice(NEW) is Advice.LOAD


def test_the_number_of_a_policy_tells_different_ones_apart_and_is_never_none():
    digests = (b"\0" * 16, b"\1" * 16)
    numbers = {number_of(("/hook.py", digest, 0, 0o644, None)) for digest in digests}
    assert len(numbers) == 2
    assert all(0 < number < 1 << 64 for number in numbers)
