"""What changes in hookframe.toml while the daemon runs holds from then on, for all processes."""

from __future__ import annotations

import os
import signal

from hookframe.testing import eventually

from .accounts import POLICY, Accounts, prefixed, under_load
from .daemons import WORKER
from .policies import policy

SLOW = "import time\ntime.sleep(1.2)\n"
LARGE = "LARGE = b'x' * (200 << 20)\n"
PRINTING = """
def prints():
    for number in range(500):
        print("printed", number)
"""


def configured(daemon, more: str) -> None:
    """Save a configuration with more lines, and wait until it is in use."""
    before = daemon.status()["generation"]
    daemon.configure(more)
    eventually(lambda: (daemon.status()["generation"] or 0) > before)


def replaced(daemon) -> None:
    """Kill the worker, and wait until another one serves and a standby has loaded the policy."""
    worker = daemon.worker()
    os.kill(worker, signal.SIGKILL)
    successor = daemon.next_worker(worker)
    eventually(lambda: daemon.ready() != successor)


def test_a_longer_load_time_holds_for_the_next_load_and_for_replacements(fresh):
    daemon = fresh().with_policy(more='[limits]\nload_time = "1s"\n')
    configured(daemon, '[limits]\nload_time = "1h"\n')
    daemon.save(daemon.hook_file, SLOW + policy("", "slow "))
    daemon.live("slow ")
    replaced(daemon)
    assert not daemon.logged("limits.load_time")
    assert not daemon.logged("error loading")


def test_more_memory_holds_for_the_next_load_and_for_replacements(fresh):
    daemon = fresh().with_policy(more='[limits]\nmax_memory = "64MiB"\n')
    configured(daemon, '[limits]\nmax_memory = "1GiB"\n')
    daemon.save(daemon.hook_file, LARGE + policy("", "large "))
    daemon.live("large ")
    replaced(daemon)
    assert not daemon.logged("error loading")
    assert daemon.status()["restarts"]["memory"] == 0


def test_workers_become_more_and_fewer_at_the_cost_of_no_attempt(fresh):
    daemon = fresh().with_policy()
    with under_load(daemon) as accounts:
        for number in (3, 1):
            daemon.configure(f"workers = {number}\n")
            eventually(lambda wanted=number: len(daemon.having("worker")) == wanted)
            eventually(lambda wanted=number: len(daemon.children(WORKER)) == wanted + 1)
    assert set(accounts.outcomes) == {POLICY}


def test_another_limit_of_printed_lines_holds(fresh):
    daemon = fresh().with_policy(PRINTING)
    configured(daemon, "[limits]\noutput_lines = 10000\n")
    assert Accounts(daemon).fault("prints") is POLICY
    daemon.wait_for("printed 499")
    assert daemon.logged("printed ") == 500
    configured(daemon, "[limits]\noutput_lines = 7\n")
    assert Accounts(daemon).fault("prints") is POLICY
    daemon.wait_for("limits.output_lines")
    assert daemon.logged("printed ") == 507


def test_the_log_moves_to_another_directory_and_loses_no_line(fresh):
    daemon = fresh().with_policy(PRINTING)
    current = daemon.directory / "logs" / "current"
    with under_load(daemon, prefixed("", "new ")) as accounts:
        daemon.configure('[log]\ndirectory = "logs"\n')
        eventually(current.exists)
        eventually(lambda: "generation 2: " in current.read_text() + daemon.output)
        assert accounts.fault("prints") is POLICY
        daemon.save(daemon.hook_file, policy("", "new "))
        eventually(lambda: "generation 3: " in current.read_text())
    assert "printed 0" in current.read_text()
    assert daemon.logged("generation 3") == 0
