"""The process that notices changes and writes the log dies, is stopped, or can't read files."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

from hookframe.testing import eventually

from ..helpers.processes import gone
from .accounts import POLICY, Accounts, prefixed, under_load
from .daemons import OBSERVER, stop
from .policies import policy

UNNOTICED = "changes of the policy are not noticed since "
DEAD_MOUNT = """
import ctypes
import os
import sys

device = os.open("/dev/fuse", os.O_RDWR)
options = b"fd=%d,rootmode=40000,user_id=0,group_id=0" % device
libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(b"dead", os.fsencode(sys.argv[1]), b"fuse", 0, options) != 0:
    sys.exit(os.strerror(ctypes.get_errno()))
print("mounted", flush=True)
sys.stdin.read()
libc.umount2(os.fsencode(sys.argv[1]), 2)  # MNT_DETACH
"""
"""Mounts a file system of which nobody answers a request, until its standard input ends."""
PRINTING = """
def prints():
    for _ in range(20):
        print("x" * 4000)
"""


@contextmanager
def dead_mount(daemon, directory: Path):
    """Mount a dead file system where only the daemon sees it; it was started by `unshare -m`."""
    command = ("nsenter", "-t", str(daemon.pid), "-m", sys.executable, "-c", DEAD_MOUNT, directory)
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"mounted\n"
        yield
        holder.stdin.close()
        assert holder.wait() == 0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSEGV, signal.SIGSTOP])
def test_an_observer_that_ends_or_is_stopped_is_replaced_and_costs_no_attempt(fresh, number):
    daemon = fresh().with_policy()
    (observer,) = daemon.children(OBSERVER)
    worker = daemon.worker()
    with under_load(daemon, prefixed("", "new ")) as accounts:
        os.kill(observer, number)
        daemon.save(daemon.hook_file, policy(prefix="new "))
        daemon.live("new ")
        eventually(lambda: daemon.children(OBSERVER) - {observer})
        eventually(lambda: gone(observer))
    assert set(accounts.all_closed()) == {POLICY}
    assert daemon.worker() != worker
    assert len(daemon.children(OBSERVER)) == 1
    assert (daemon.logged(UNNOTICED) > 0) is (number == signal.SIGSTOP)
    eventually(lambda: daemon.status()["problem"] == "")


def test_a_sighup_that_a_stopped_observer_has_not_taken_loads_what_is_known(fresh):
    daemon = fresh().with_policy()
    (observer,) = daemon.children(OBSERVER)
    stop(observer)
    daemon.signal(signal.SIGHUP)
    eventually(lambda: daemon.status()["generation"] == 2)
    assert daemon.children(OBSERVER) == {observer}
    eventually(lambda: gone(observer))


def test_while_the_policys_file_system_is_dead_the_status_says_so_and_sighup_loads_what_is_known(
    fresh,
):
    daemon = fresh()
    daemon.write(policy())
    files = daemon.directory / "policy"
    files.mkdir()
    daemon.save(files / "hook.py", policy())
    moved = daemon.configuration.read_text().replace('"hook.py"', '"policy/hook.py"')
    daemon.configuration.write_text(moved)
    daemon.start("unshare", "--mount", "--propagation", "private")
    (observer,) = daemon.children(OBSERVER)
    with under_load(daemon, prefixed("", "new ")) as accounts, dead_mount(daemon, files):
        eventually(lambda: daemon.children(OBSERVER) - {observer, 0})
        assert UNNOTICED in daemon.status()["problem"]  # though there is another observer
        daemon.signal(signal.SIGHUP)
        eventually(lambda: daemon.status()["generation"] == 2)
        accounts.wait_for(POLICY, 100)
        daemon.save(files / "hook.py", policy(prefix="new "))
    daemon.live("new ")
    eventually(lambda: daemon.status()["problem"] == "")


def test_while_nobody_writes_the_log_no_attempt_waits_and_all_lost_lines_are_counted(fresh):
    daemon = fresh()
    more = '[log]\ndirectory = "logs"\nsize = "100MiB"\n[limits]\noutput_lines = 10000\n'
    daemon.write(policy(PRINTING), more)
    daemon.launch()
    daemon.until_it_listens()
    current = daemon.directory / "logs" / "current"
    daemon.ready()
    (observer,) = daemon.children(OBSERVER)
    accounts = Accounts(daemon)
    stop(observer)
    assert {accounts.fault("prints") for _ in range(100)} == {POLICY}
    worker = daemon.worker()
    os.kill(worker, signal.SIGKILL)  # its lines stay lost
    daemon.next_worker(worker)
    assert daemon.children(OBSERVER) == {observer}
    os.kill(observer, signal.SIGCONT)

    def accounted() -> int:
        text = current.read_text()
        lost = re.findall("WARNING ([0-9]+) lines? of the log lost: ", text)
        return text.count("plugin file: x") + sum(map(int, lost))

    eventually(lambda: accounted() >= 100 * 20)
    assert accounts.fault("prints") is POLICY
    eventually(lambda: accounted() >= 101 * 20)
