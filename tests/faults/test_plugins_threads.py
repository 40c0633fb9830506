"""A hook that starts threads."""

from __future__ import annotations

import pytest

from .accounts import ENDED, POLICY, TEMPFAILED, under_load
from .policies import names

HARMLESS = """
import sys
import threading
import time

def started(function):
    threading.Thread(target=function).start()

def many_that_end():
    for _ in range(50):
        started(time.monotonic)

def that_never_ends():
    started(lambda: time.sleep(3600))

def that_exits():
    started(sys.exit)

def that_prints():
    def prints():
        for number in range(100):
            print("from a thread", number)
    started(prints)

def that_is_busy():
    def busy():
        while True: pass
    started(busy)
"""
RAISING = """
import threading

def that_raises():
    def raises(): raise ValueError("in a thread")
    threading.Thread(target=raises).start()
"""
DEADLY = """
import os
import itertools
import threading

def that_ends_the_process():
    threading.Thread(target=os._exit, args=(3,)).start()

def that_holds_the_interpreter():
    threading.Thread(target=sum, args=(itertools.repeat(0),)).start()
"""


@pytest.fixture(scope="module")
def daemon(lasting):
    """A daemon for all threads that harm nobody; they stay in it."""
    return lasting().with_policy(HARMLESS)


@pytest.mark.parametrize("name", [each for each in names(HARMLESS) if each != "started"])
def test_a_thread_that_a_hook_starts_harms_no_attempt(daemon, name):
    worker = daemon.worker()
    with under_load(daemon) as accounts:
        assert [accounts.fault(name) for _ in range(3)] == [POLICY] * 3
        accounts.wait_for(POLICY)
    assert set(accounts.outcomes) == {POLICY}
    assert daemon.worker() == worker


def test_an_error_in_a_thread_harms_no_attempt_and_is_seen(fresh):
    daemon = fresh()
    daemon.tolerated = "ValueError: in a thread"
    daemon.with_policy(RAISING)
    with under_load(daemon) as accounts:
        assert accounts.fault("that_raises") is POLICY
        daemon.wait_for("ValueError: in a thread")
    assert set(accounts.outcomes) == {POLICY}


def test_a_thread_that_ends_the_process_costs_those_who_are_connected_only(fresh):
    daemon = fresh().with_policy(DEADLY)
    worker = daemon.worker()
    with under_load(daemon) as accounts:
        assert accounts.fault("that_ends_the_process") in {POLICY, ENDED}
        daemon.next_worker(worker)
    assert accounts.outcomes[ENDED] <= 4
    assert accounts.outcomes[TEMPFAILED] == 0
    assert "exited with status 3" in daemon.wait_for(f"worker {worker}")
