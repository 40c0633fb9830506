"""`hookframe.daemon.recent`: the attempts of the last minute, of one process or several."""

from __future__ import annotations

from hookframe.daemon.recent import RecentCounter, add_pieces


def total(pieces):
    return sum(each[1] for each in pieces), sum(each[2] for each in pieces)


def test_what_came_since_the_last_look_counts_for_the_time_of_this_one():
    counter = RecentCounter()
    assert counter.update(10, 1, 1000.0) == [(100, 10, 1)]
    assert counter.update(10, 1, 1005.0) == [(100, 10, 1)]
    assert counter.update(15, 3, 1011.0) == [(100, 10, 1), (101, 5, 2)]


def test_what_is_older_than_a_minute_and_a_piece_does_not_count():
    counter = RecentCounter()
    counter.update(10, 1, 1000.0)
    assert total(counter.update(11, 1, 1069.0)) == (11, 1)
    assert total(counter.update(11, 1, 1070.0)) == (1, 0)
    assert counter.update(11, 1, 1200.0) == []


def test_the_pieces_of_several_processes_add_up():
    parts = [[(100, 10, 1), (101, 1, 1)], [(100, 5, 0)], []]
    assert add_pieces(parts, 1010.0) == [(100, 15, 1), (101, 1, 1)]
