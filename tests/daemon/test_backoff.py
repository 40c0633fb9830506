"""How fast workers that die are started again."""

from __future__ import annotations

import pytest

from hookframe.daemon.supervisor.backoff import Backoff


def died_young(backoff, times, start=100.0):
    """Let so many workers die a tenth of a second after their start, one after the other."""
    for each in range(times):
        backoff.record_death(start + each / 10, start + each / 10 - 0.1)


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


def test_a_wait_ends():
    backoff = Backoff()
    died_young(backoff, 20)
    assert backoff.wait(102.0) > 0
    assert backoff.wait(103.0) == 0


def test_a_worker_that_lives_for_a_while_ends_the_waiting():
    backoff = Backoff()
    died_young(backoff, 20)
    waited = []
    for since in (109.9, 109.0):
        backoff.record_survival(110.0, since)
        waited.append(backoff.waits)
    assert waited == [True, False]
    assert backoff.wait(110.0) == 0


def test_a_worker_that_is_older_than_the_last_that_died_does_not_end_the_waiting():
    backoff = Backoff()
    died_young(backoff, 20)
    backoff.record_survival(110.0, 100.0)
    assert backoff.waits


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
    backoff.record_survival(113.0, 111.9)
    assert not backoff.waits
