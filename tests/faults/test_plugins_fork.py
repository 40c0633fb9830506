"""A hook that makes further processes: none of them may become a second daemon."""

from __future__ import annotations

import os
import signal

import pytest

from hookframe.testing import eventually

from ..helpers.processes import gone
from .accounts import POLICY, under_load
from .policies import names, policy

PASSING = """
import multiprocessing
import signal
import subprocess

def child_returns():
    os.fork()

def child_raises():
    if os.fork() == 0:
        raise ValueError("in the child")

def child_exits():
    if os.fork() == 0:
        raise SystemExit(1)

def child_leaves():
    pid = os.fork()
    if pid == 0:
        os._exit(1)
    os.waitpid(pid, 0)

def children_in_a_loop():
    for _ in range(10):
        os.fork()
        if os.getpid() != PARENT:
            return

def children_of_children():
    os.fork()
    os.fork()

def a_program():
    subprocess.run(["true"], check=True)

def a_shell():
    os.system("true")

def a_process_of_multiprocessing():
    process = multiprocessing.get_context("fork").Process(target=os.getpid)
    process.start()
    process.join()

def a_process_that_is_ended():
    process = multiprocessing.get_context("fork").Process(target=signal.pause)
    process.start()
    process.terminate()
    process.join()
    assert process.exitcode == -signal.SIGTERM

def a_pool():
    pool = multiprocessing.get_context("fork").Pool(2)
    assert pool.map(abs, [-1, -2]) == [1, 2]
    pool.close()
    pool.join()

PARENT = os.getpid()
"""
STAYING = """
import subprocess
import time

def child_sleeps():
    if os.fork() == 0:
        time.sleep(3600)

def child_becomes_a_program():
    if os.fork() == 0:
        os.execvp("sleep", ["sleep", "3600"])

def child_becomes_a_program_without_closing_anything():
    if os.fork() == 0:
        for number in range(3, 100):
            try:
                os.set_inheritable(number, True)
            except OSError:
                pass
        os.execvp("sleep", ["sleep", "3600"])

def a_program_goes_on():
    subprocess.Popen(["sleep", "3600"], stdin=subprocess.DEVNULL)
"""
AT_IMPORT = "import os\nos.fork()\n"


@pytest.fixture(scope="module")
def daemon(lasting):
    """A daemon for all hooks that fork, as none of them may restart anything."""
    return lasting().with_policy(PASSING)


@pytest.fixture
def leaving_nothing():
    """Kill what a test has left behind."""
    left = []
    yield left
    for pid in left:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize("name", names(PASSING))
def test_a_hook_that_forks_is_answered_once_by_the_process_that_was_asked(daemon, name):
    worker = daemon.worker()
    with under_load(daemon) as accounts, accounts.caller() as caller:
        assert caller.pipeline(5, recipient=f"{name}@fault.test") == [POLICY] * 5
        assert accounts.fault(name, daemon.exim) is POLICY
        eventually(lambda: not daemon.strays())
        assert {daemon.worker() for _ in range(5)} == {worker}
    assert set(accounts.outcomes) == {POLICY}


@pytest.mark.parametrize("name", names(STAYING))
def test_a_child_that_stays_keeps_no_connection_open(fresh, leaving_nothing, name):
    daemon = fresh().with_policy(STAYING)
    worker = daemon.worker()
    with under_load(daemon) as accounts, accounts.caller() as caller:
        assert caller.ask() is POLICY
        assert accounts.fault(name, daemon.exim) is POLICY  # it reads to the end
        assert accounts.fault(name) is POLICY
        assert caller.ask() is POLICY
        leaving_nothing += eventually(lambda: len(daemon.strays()) == 2 and daemon.strays())
    assert set(accounts.outcomes) == {POLICY}
    assert daemon.worker() == worker
    for stray in leaving_nothing:
        assert not daemon.sockets() & daemon.sockets(stray)
    os.kill(worker, signal.SIGKILL)
    assert daemon.next_worker(worker) not in leaving_nothing


def test_a_fork_while_the_hook_file_is_loaded_makes_no_second_daemon(fresh):
    daemon = fresh()
    daemon.write(AT_IMPORT + policy())
    daemon.start()
    with under_load(daemon) as accounts:
        daemon.standby()
        daemon.save(daemon.hook_file, AT_IMPORT + policy("# again"))
        daemon.wait_for("generation 2")
        accounts.wait_for(POLICY, 30)
        eventually(lambda: not daemon.strays())
    assert set(accounts.outcomes) == {POLICY}
    children = daemon.children()
    assert daemon.stop() == 0
    assert all(map(gone, children))
