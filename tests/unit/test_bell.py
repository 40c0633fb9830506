"""`hookframe.bell`: who waits is woken, and nothing that rings is missed."""

from __future__ import annotations

from threading import Thread

import pytest

from hookframe.bell import Bell

LONG = 30.0
"""Seconds; who waits so long has missed it."""


@pytest.fixture
def bell():
    return Bell()


def test_it_is_silent_at_first(bell):
    assert not bell.rung
    assert not bell.wait(0.001)


def test_it_stays_rung_until_it_is_hushed(bell):
    bell.ring()
    bell.ring()
    assert bell.rung
    assert bell.wait(LONG)
    assert bell.wait(LONG)
    bell.hush()
    bell.hush()
    assert not bell.rung
    assert not bell.wait(0.001)


def test_who_waits_already_is_woken(bell):
    heard = []
    thread = Thread(target=lambda: heard.append(bell.wait(LONG)))
    thread.start()
    bell.ring()
    thread.join(LONG)
    assert heard == [True]
    assert bell.rung


def test_nothing_that_rings_while_another_thread_looks_is_missed(bell):
    changes, seen = [], 0

    def change():
        for number in range(1, 20_001):
            changes.append(number)
            bell.ring()

    thread = Thread(target=change)
    thread.start()
    while seen < 20_000:
        assert bell.wait(LONG)
        bell.hush()
        seen = changes[-1]
    thread.join()
