"""How fast workers that die are started again."""

from __future__ import annotations

import pytest

from hookframe.daemon.supervisor.backoff import Backoff


def died_young(backoff, times, start=100.0):
    """Let so many workers die a tenth of a second after their start, one after the other."""
    return [
        backoff.record_death(start + each / 10, start + each / 10 - 0.1) for each in range(times)
    ]


def test_one_death_costs_no_wait():
    backoff = Backoff()
    died_young(backoff, 1)
    assert backoff.wait(100.0) == 0


def test_a_death_each_second_never_costs_a_wait():
    backoff = Backoff()
    for second in range(100):
        backoff.record_death(float(second), second - 1.0)
        assert (backoff.wait(float(second)), backoff.waits) == (0, False)


def test_deaths_that_come_too_fast_wait_longer_and_longer_but_half_a_second_at_most():
    backoff = Backoff()
    waits = []
    for each in range(50):
        backoff.record_death(100.0 + each, 99.9 + each)
        waits.append(backoff.wait(100.0 + each))
    assert waits[:2] == [0, 0]
    assert waits == sorted(waits)
    assert 0 < waits[3] < waits[5] <= waits[49] == pytest.approx(0.5)


def test_the_death_from_which_on_starts_wait_is_told_once():
    assert died_young(Backoff(), 20).count(True) == 1


def test_a_wait_ends():
    backoff = Backoff()
    died_young(backoff, 20)
    assert backoff.wait(102.0) > 0
    assert backoff.wait(103.0) == 0


def test_a_worker_that_lives_ends_the_waiting_and_that_is_told_once():
    backoff = Backoff()
    died_young(backoff, 20)
    told = [backoff.record_survival(110.0, since) for since in (109.9, 109.0, 109.0)]
    assert told == [False, True, False]
    assert (backoff.wait(110.0), backoff.waits) == (0, False)


def test_a_worker_that_lives_after_few_deaths_is_nothing_to_tell():
    backoff = Backoff()
    died_young(backoff, 2)
    assert not backoff.record_survival(110.0, 100.0)


def test_a_worker_that_dies_old_is_not_one_of_a_row():
    backoff = Backoff()
    died_young(backoff, 2)
    backoff.record_death(200.0, 150.0)
    died_young(backoff, 2, start=201.0)
    assert not backoff.waits


def test_one_that_never_served_has_died_too_soon_at_any_age():
    backoff = Backoff()
    for each in range(3):
        backoff.record_death(110.0 + each, 100.0 + each, served=False)
    assert backoff.waits


def test_one_that_was_started_before_its_predecessor_was_buried_ends_the_waiting_too():
    backoff = Backoff()
    for each in range(3):
        backoff.record_death(110.0 + each, 109.0 + each, served=False)
    assert backoff.record_survival(113.0, 111.9)
