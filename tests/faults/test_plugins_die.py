"""A hook that ends its process, or raises what usually does."""

from __future__ import annotations

import pytest

from .accounts import ENDED, POLICY, TEMPFAILED, Accounts, under_load
from .policies import SHORT, names

DEADLY = """
import ctypes
import signal
import sys

def leaves():
    os._exit(0)

def leaves_with_status_3():
    os._exit(3)

def segmentation_fault():
    os.kill(os.getpid(), signal.SIGSEGV)

def kills_itself():
    os.kill(os.getpid(), signal.SIGKILL)

def aborts():
    os.abort()

def user_signal():
    os.kill(os.getpid(), signal.SIGUSR1)

def reads_address_0():
    ctypes.string_at(0)
"""
DEATHS = {
    "leaves": "it exited with status 0",
    "leaves_with_status_3": "it exited with status 3",
    "segmentation_fault": "it was killed by SIGSEGV",
    "kills_itself": "it was killed by SIGKILL",
    "aborts": "it was killed by SIGABRT",
    "user_signal": "it was killed by SIGUSR1",
    "reads_address_0": "it was killed by SIGSEGV",
}
RAISING = """
import ast
import json
import sys

def exits():
    sys.exit(0)

def is_interrupted():
    raise KeyboardInterrupt

def ends_a_generator():
    raise GeneratorExit

def raises_no_exception():
    raise 5

def raises_what_cannot_be_shown():
    class Unspeakable(BaseException):
        def __str__(self): raise SystemExit
        __repr__ = __str__
    raise Unspeakable

def recurses():
    recurses()

def recurses_through_json():
    json.loads("[" * 100_000)

def recurses_through_repr():
    deep = []
    for _ in range(100_000): deep = [deep]
    repr(deep)

def recurses_through_ast():
    ast.parse("(" * 100_000)

def recurses_through_itself():
    class Deep:
        def __getattr__(self, name): return getattr(self, name)
    Deep().x
"""
UNLIMITED = """
import sys

def recurses_without_a_limit():
    sys.setrecursionlimit(10**9)
    recurses_without_a_limit()

def overflows_the_stack_of_c():
    sys.setrecursionlimit(10**9)
    deep = []
    for _ in range(10**5): deep = [deep]
    repr(deep)
"""
HARMLESS = """
import signal

def interrupts():
    os.kill(os.getpid(), signal.SIGINT)

def hangs_up():
    os.kill(os.getpid(), signal.SIGHUP)

def asks_to_stop():
    os.kill(os.getpid(), signal.SIGTERM)
"""

LOUD = "workers keep ending soon after their start"


@pytest.fixture(scope="module")
def daemon(lasting):
    """A daemon for all hooks that raise, as none of them may restart anything."""
    return lasting().with_policy(RAISING)


@pytest.mark.parametrize("name", names(DEADLY))
def test_a_worker_that_a_hook_has_ended_is_replaced(fresh, name):
    daemon = fresh().with_policy(DEADLY)
    worker = daemon.worker()
    with under_load(daemon) as accounts:
        assert accounts.fault(name) is ENDED
    assert accounts.outcomes[ENDED] <= 4
    assert daemon.worker() != worker
    said = daemon.wait_for(f"recipient=[{name}@fault.test]")
    assert "msguid=[1abcde-" in said
    assert "(plugin file)" in said
    assert f"worker {worker} that ran it has died: {DEATHS[name]}" in said


@pytest.mark.parametrize("name", names(RAISING))
def test_whatever_a_hook_raises_its_attempt_temp_fails_and_nothing_is_restarted(daemon, name):
    worker = daemon.worker()
    with under_load(daemon) as accounts:
        assert accounts.fault(name) is TEMPFAILED
    assert accounts.outcomes[TEMPFAILED] == 1
    assert accounts.outcomes[ENDED] == 0
    assert daemon.worker() == worker
    assert "(plugin file)" in daemon.wait_for(f"recipient=[{name}@fault.test]")


@pytest.mark.parametrize("name", names(UNLIMITED))
def test_a_recursion_without_a_limit_temp_fails_or_ends_its_worker(fresh, name):
    daemon = fresh().with_policy(UNLIMITED, deadline=SHORT)
    with under_load(daemon) as accounts:
        assert accounts.fault(name) in {TEMPFAILED, ENDED}  # it depends on the version of Python
    assert "(plugin file)" in daemon.wait_for(f"recipient=[{name}@fault.test]")


@pytest.mark.parametrize("name", names(HARMLESS))
def test_a_hook_that_sends_its_process_the_signals_of_a_service_loses_no_attempt(fresh, name):
    daemon = fresh().with_policy(HARMLESS)
    with under_load(daemon) as accounts:
        assert accounts.fault(name) is POLICY
    assert set(accounts.outcomes) == {POLICY}


def test_workers_that_die_at_every_attempt_are_replaced_more_slowly_and_somebody_answers(fresh):
    daemon = fresh().with_policy(DEADLY)
    accounts = Accounts(daemon)
    with accounts.load():
        # Who stands in does so for moments only, until the waits have grown.
        while not (daemon.logged(LOUD) and accounts.outcomes[TEMPFAILED]):
            accounts.fault("leaves")
        daemon.wait_for("workers stay up again")
        accounts.wait_for(POLICY)
    accounts.all_closed()
    assert daemon.logged(LOUD) == 1
    assert daemon.is_running


def test_a_pipeline_sees_its_connection_end_at_the_attempt_that_kills(fresh):
    daemon = fresh().with_policy(DEADLY)
    accounts = Accounts(daemon)
    with accounts.caller() as caller:
        deadly = {"recipient": "leaves@fault.test"}
        attempts = [accounts.new(**(deadly if number == 70 else {})) for number in range(100)]
        outcomes = caller.ask_all(attempts)
        answered = outcomes.count(POLICY)
        assert outcomes == [POLICY] * answered + [ENDED] * (100 - answered)
        assert answered <= 70
        assert caller.ask() is POLICY
