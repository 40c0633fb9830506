"""A hook that does not end: interrupted where that is possible, else killed with its worker."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from time import sleep

import pytest

from hookframe.testing import eventually

from .accounts import ENDED, POLICY, TEMPFAILED, Accounts, under_load
from .daemons import IDLE
from .policies import SHORT, names, policy

INTERRUPTIBLE = """
import queue
import re
import socket
import subprocess
import threading
import time

def busy_loop():
    while True: pass  # in busy_loop

def asleep():
    time.sleep(3600)  # in asleep

def deadlocked():
    lock = threading.Lock()
    while lock.acquire(): pass  # in deadlocked

def waiting_for_a_queue():
    queue.Queue().get()  # in waiting_for_a_queue

def waiting_for_a_socket():
    here, there = socket.socketpair()
    here.recv(1)  # in waiting_for_a_socket

def waiting_for_a_program():
    with subprocess.Popen(["sleep", "3600"]) as program:
        try:
            program.wait()  # in waiting_for_a_program
        finally:
            program.kill()

def backtracking():
    re.match("(a*)*b", "a" * 64)  # in backtracking

def in_a_generator():
    def endless():
        while True: yield  # in in_a_generator
    for _ in endless(): pass  # or in in_a_generator
"""
UNINTERRUPTIBLE = """
import itertools
import time

def in_c():
    sum(itertools.repeat(0))  # in in_c

def swallowing_asleep():
    while True:
        try:
            time.sleep(3600)  # in swallowing_asleep
        except BaseException: pass
"""
STOPPED = """
import time

def stopped():
    os.kill(os.getpid(), 19)
    time.sleep(3600)
"""
SWALLOWING = """
def swallowing():
    while True:
        try:
            while True: pass  # in swallowing
        except BaseException: pass  # or in swallowing
"""
LATE = """
import time

def late():
    try:
        time.sleep(3600)
    except BaseException:
        return {"action": "dump", "message": "late"}

def done_with_it():
    try:
        time.sleep(3600)
    except BaseException as error:
        raise ValueError("something else") from None
"""
STUCK_ONCE = """
import itertools
import pathlib

stuck = pathlib.Path(__file__).with_name("stuck")

def once():
    if not stuck.exists():
        stuck.touch()
        sum(itertools.repeat(0))
"""


def places(daemon, source: str, name: str) -> list[str]:
    """Where the log may say that a fault was: the lines marked with its name."""
    whole = policy(source).splitlines()
    return [
        f"{daemon.hook_file} line {number} (plugin file)"
        for number, each in enumerate(whole, 1)
        if each.endswith(f"in {name}")
    ]


@pytest.fixture(scope="module")
def daemon(lasting):
    """A daemon for all hooks that can be interrupted, as none of them may restart anything.

    Its deadline is one that nobody exceeds who is asked beside them.
    """
    return lasting().with_policy(INTERRUPTIBLE + LATE, deadline="1s")


@pytest.mark.parametrize("name", names(INTERRUPTIBLE))
def test_a_hook_that_can_be_interrupted_temp_fails_its_attempt_and_nothing_is_restarted(
    daemon, name
):
    worker = daemon.worker()
    with under_load(daemon) as accounts:
        assert accounts.fault(name) is TEMPFAILED
    assert accounts.outcomes[TEMPFAILED] == 1
    assert accounts.outcomes[ENDED] == 0
    assert daemon.worker() == worker
    said = daemon.wait_for(f"recipient=[{name}@fault.test]")
    assert "msguid=[1abcde-" in said
    assert any(place in said for place in places(daemon, INTERRUPTIBLE, name)), said


@pytest.mark.parametrize("name", names(LATE))
def test_a_hook_that_takes_its_deadline_for_something_else_temp_fails_all_the_same(daemon, name):
    worker = daemon.worker()
    with under_load(daemon) as accounts:
        assert accounts.fault(name) is TEMPFAILED
    assert accounts.outcomes[TEMPFAILED] == 1
    assert accounts.outcomes[ENDED] == 0
    assert daemon.worker() == worker


def test_an_exim_client_of_a_hook_that_hangs_is_answered_with_the_temp_fail(daemon):
    with under_load(daemon) as accounts:
        assert accounts.fault("busy_loop", daemon.exim) is TEMPFAILED


@pytest.mark.parametrize("name", names(UNINTERRUPTIBLE))
def test_a_hook_that_cannot_be_interrupted_is_killed_with_its_worker(fresh, name):
    daemon = fresh().with_policy(UNINTERRUPTIBLE, deadline=SHORT)
    worker = daemon.worker()
    with under_load(daemon) as accounts:
        assert accounts.fault(name) is ENDED
    assert accounts.outcomes[ENDED] <= 4
    assert daemon.worker() != worker
    said = daemon.wait_for(f"its worker {worker} was killed")
    assert "msguid=[1abcde-" in said
    assert f"recipient=[{name}@fault.test]" in said
    assert any(place in said for place in places(daemon, UNINTERRUPTIBLE, name)), said


def test_a_hook_that_stops_its_process_costs_its_own_attempt_only(fresh):
    daemon = fresh().with_policy(STOPPED, deadline=SHORT)
    with under_load(daemon) as accounts:
        # It has to go on to say where it is, and may then be interrupted before it is killed.
        assert accounts.fault("stopped") in (ENDED, TEMPFAILED)
    assert accounts.outcomes[ENDED] <= 4
    assert "(plugin file)" in daemon.wait_for("recipient=[stopped@fault.test]")


def test_a_hook_that_swallows_every_exception_comes_to_an_end_soon_after(fresh):
    daemon = fresh().with_policy(SWALLOWING, deadline=SHORT)
    with under_load(daemon) as accounts:
        assert accounts.fault("swallowing") in {TEMPFAILED, ENDED}  # one may slip through to us
    said = daemon.wait_for("recipient=[swallowing@fault.test]")
    assert any(place in said for place in places(daemon, SWALLOWING, "swallowing")), said


def test_the_attempts_behind_one_that_kills_are_not_blamed_for_it(fresh):
    daemon = fresh().with_policy(STUCK_ONCE, deadline=SHORT)
    with under_load(daemon) as accounts, accounts.caller() as caller:
        before = caller.pipeline(5)
        stuck = caller.pipeline(5, recipient="once@fault.test")
        after = caller.pipeline(5, recipient="once@fault.test")
    assert [before, stuck, after] == [[POLICY] * 5, [ENDED] * 5, [POLICY] * 5]
    daemon.wait_for("recipient=[once@fault.test]")  # the client learns of it first
    assert daemon.logged("recipient=[once@fault.test]") == 1


def test_a_hook_that_hangs_again_and_again_costs_its_own_attempts_only(fresh):
    daemon = fresh().with_policy(UNINTERRUPTIBLE, deadline=SHORT)
    with under_load(daemon) as accounts:
        assert [accounts.fault("in_c") for _ in range(4)] == [ENDED] * 4
    daemon.wait_for("was killed", times=4)
    assert daemon.logged("was killed") == 4


def test_a_hook_that_hangs_is_mended_by_a_save_while_it_hangs(fresh):
    always = STUCK_ONCE.replace("if not stuck.exists():", "if True:")
    daemon = fresh().with_policy(always, deadline=SHORT)
    with Accounts(daemon).caller() as caller, ThreadPoolExecutor() as pool:
        hung = pool.submit(caller.ask, recipient="once@fault.test")
        eventually((daemon.directory / "stuck").exists)
        daemon.save(daemon.hook_file, policy("def once(): pass\n"))
        assert hung.result() is ENDED
        assert caller.ask(recipient="once@fault.test") is POLICY


def test_the_first_attempt_after_a_policy_was_mended_while_nobody_asked_is_killed_if_it_hangs(
    fresh,
):
    daemon = fresh()
    daemon.write("def broken(:\n")
    daemon.launch()
    daemon.wait_for("listening on")
    sleep(IDLE)
    daemon.save(daemon.hook_file, policy(UNINTERRUPTIBLE))
    daemon.wait_for("generation 1")
    assert Accounts(daemon).fault("in_c") is ENDED
    daemon.wait_for("did not end after its deadline")


def test_a_deadline_that_was_made_longer_while_nobody_asked_holds_for_the_first_attempt(fresh):
    daemon = fresh()
    slow = "def slow():\n    import time\n    time.sleep(2.5)\n"
    daemon.write(policy(slow), 'deadline = "1s"\n')
    daemon.start()
    sleep(IDLE)
    configuration = daemon.configuration.read_text()
    daemon.save(daemon.configuration, configuration.replace('"1s"', '"20s"'))
    daemon.wait_for("generation 2")
    assert Accounts(daemon).fault("slow") is POLICY


def test_a_load_that_has_ended_while_nobody_asked_kills_nobody(fresh):
    daemon = fresh()
    slow = "import time\ntime.sleep(1)\n"
    daemon.write(policy(), '[limits]\nload_time = "1500ms"\n')
    daemon.start()
    for number in range(2, 4):
        sleep(IDLE)
        daemon.save(daemon.hook_file, slow + policy(prefix=f"{number}-"))
        daemon.wait_for(f"generation {number}")
    sleep(IDLE)
    assert daemon.status()["restarts"]["hang"] == 0
    assert not daemon.logged("was killed")
