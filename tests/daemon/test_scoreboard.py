"""What the processes of a daemon tell each other through shared memory."""

from __future__ import annotations

import os

import pytest

from hookframe.daemon.scoreboard import ATTEMPT, HEARTBEAT, RequestMarker, Scoreboard, Slot


def answering(slot, requests, index):
    """Let a process be in the middle of a slice of requests."""
    marker = RequestMarker(slot)
    slot.journal(marker.number + 1, list(requests), 32)
    slot.fields[ATTEMPT] = marker.number + 1 + index


def in_a_child(act) -> None:
    """Do something in a forked process, and wait for its end."""
    pid = os.fork()
    if pid == 0:
        try:
            act()
        finally:
            os._exit(0)
    os.waitpid(pid, 0)


@pytest.mark.parametrize("requests", [[b"one"], [b"one", b"two", b"three"]])
def test_the_request_that_is_being_answered_can_be_read_by_another_process(requests):
    slot = Scoreboard(1).acquire()
    for index, request in enumerate(requests):
        in_a_child(lambda index=index: answering(slot, requests, index))
        assert slot.in_progress == request


def test_nothing_is_in_progress_between_two_attempts():
    slot = Slot()
    answering(slot, [b"one"], 0)
    RequestMarker(slot).end(1)
    assert slot.in_progress is None


def test_attempts_are_numbered_across_slices():
    slot, marker = Slot(), None
    marker = RequestMarker(slot)
    for first in (0, 3, 6):
        assert marker.number == first
        slot.journal(first + 1, [b"a", b"b", b"c"], 32)
        marker.end(first + 3)


def test_of_requests_that_are_too_long_to_note_the_first_are_known():
    slot = Slot()
    requests = [b"first", b"x" * 60_000, b"y" * 60_000]
    answering(slot, requests, 0)
    assert slot.in_progress == b"first"
    answering(slot, requests, 2)
    assert requests[2].startswith(slot.in_progress)


def test_a_report_is_read_as_it_was_published():
    scoreboard = Scoreboard(2)
    slot = scoreboard.acquire()
    in_a_child(lambda: slot.publish(b"report"))
    assert slot.report() == b"report"
    assert list(scoreboard.reports()) == [b"report"]


def test_a_report_that_is_too_long_leaves_the_old_one():
    slot = Slot()
    slot.publish(b"old")
    slot.publish(b"x" * 10_000_000)
    assert slot.report() == b"old"


def test_a_report_whose_writer_died_in_the_middle_is_no_report():
    slot = Slot()

    def die(_):
        os._exit(1)

    class Deadly(bytes):
        __len__ = die

    slot.publish(b"old")
    pid = os.fork()
    if pid == 0:
        slot.publish(Deadly(b"new"))
    os.waitpid(pid, 0)
    assert slot.report() in (b"old", b"")


def test_a_slot_that_is_given_back_is_empty_for_the_next():
    scoreboard = Scoreboard(1)
    slot = scoreboard.acquire()
    answering(slot, [b"one"], 0)
    slot.publish(b"report")
    slot.fields[HEARTBEAT] = 5
    assert scoreboard.full
    scoreboard.release(slot)
    again = scoreboard.acquire()
    assert (again.in_progress, again.report(), again.fields[HEARTBEAT]) == (None, b"", 0)


def test_requests_that_a_report_does_not_know_of_are_counted():
    slot = Slot()
    marker = RequestMarker(slot)
    marker.end(5)
    assert slot.unreported == 5
    slot.publish(b"report")
    assert slot.unreported == 0
    marker.end(7)
    slot.fields[ATTEMPT] = 8
    assert slot.unreported == 3


def test_slots_do_not_overlap():
    scoreboard = Scoreboard(3)
    slots = [scoreboard.acquire() for _ in range(3)]
    for number, slot in enumerate(slots):
        slot.publish(b"%d" % number * 1000)
        answering(slot, [b"%d" % number * 60_000], 0)
    assert [slot.report() for slot in slots] == [b"%d" % number * 1000 for number in range(3)]
    assert [slot.in_progress for slot in slots] == [b"%d" % n * 60_000 for n in range(3)]


@pytest.mark.parametrize(
    "request_bytes", [b"a=YQ==\nb=Yg==\n", b'{"recipient": "a\0b"}', b"\0", b"\n\n"]
)
def test_a_single_request_is_known_whatever_is_in_it(request_bytes):
    slot = Slot()
    answering(slot, [b"before", b"it"], 1)
    answering(slot, [request_bytes], 0)
    assert slot.in_progress == request_bytes


def test_a_nul_in_a_request_hides_no_other():
    slot = Slot()
    answering(slot, [b"one", b"\0\0\0", b"three"], 2)
    assert slot.in_progress == b"three"
