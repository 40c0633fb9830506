"""`hookframe.log.rate`: at most so much in a second."""

from __future__ import annotations

import pytest

from hookframe.log import rate
from hookframe.log.rate import LineLimit, OncePerSecond


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets."""
    now = [100.0]
    monkeypatch.setattr(rate, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def said():
    """What was said of left out lines."""
    return []


@pytest.fixture
def limit(said):
    """Three lines a second."""
    return LineLimit(lambda *left_out: said.append(left_out), 3)


def printed(limit, lines, plugin="a"):
    """Print lines one by one; return how many were admitted."""
    admitted = 0
    for _ in range(lines):
        if limit.admits(plugin):
            admitted += 1
        else:
            limit.leave_out(plugin, 1)
    return admitted


def test_something_is_due_at_once_and_then_once_a_second(clock):
    complaint = OncePerSecond()
    due = []
    for _ in range(40):
        due.append(complaint.due())
        clock[0] += 0.25
    assert sum(due) == 10
    assert due[0]


def test_a_plugin_prints_so_many_lines_a_second(limit, clock):
    admitted = []
    for _ in range(4):
        admitted.append(printed(limit, 5))
        clock[0] += 1
    assert admitted == [3, 3, 3, 3]


def test_each_plugin_has_a_limit_of_its_own(limit, clock):
    assert (printed(limit, 5, "a"), printed(limit, 5, "b")) == (3, 3)
    assert limit.is_full("a")
    assert not limit.is_full("c")


def test_what_was_left_out_is_said_before_the_next_line_of_a_later_second(limit, clock, said):
    printed(limit, 10)
    assert said == []
    clock[0] += 1
    printed(limit, 1)
    assert said == [("a", 7, 3)]
    clock[0] += 1
    printed(limit, 1)
    assert said == [("a", 7, 3)]


def test_what_was_left_out_is_said_when_somebody_asks_once_the_second_is_over(limit, clock, said):
    printed(limit, 10)
    assert limit.report_dropped()
    assert said == []
    clock[0] += 1
    assert not limit.report_dropped()
    assert said == [("a", 7, 3)]


def test_who_stops_says_at_once_what_was_left_out(limit, clock, said):
    printed(limit, 4, "a")
    printed(limit, 5, "b")
    assert not limit.report_dropped(force=True)
    assert said == [("a", 1, 3), ("b", 2, 3)]


def test_the_limit_can_be_changed_and_lifted(limit, clock):
    limit.lines = 5
    assert printed(limit, 10) == 5
    limit.lines = None
    assert printed(limit, 10) == 10
    assert not limit.is_full("a")
