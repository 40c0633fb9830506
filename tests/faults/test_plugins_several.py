"""A fault in one of several plugins: the log names that one, and its policy holds."""

from __future__ import annotations

import pytest

from .accounts import ENDED, POLICY, TEMPFAILED, under_load
from .policies import SHORT

QUIET = """
from hookframe import hookimpl

@hookimpl
def pre_delivery_attempt(attempt):
    return None
"""
FAULTY = """
import itertools
import os
import time
from hookframe import hookimpl

def fault(attempt):
    match attempt["recipient"]:
        case "busy@fault":
            while True: pass  # busy@fault
        case "asleep@fault":
            time.sleep(3600)  # asleep@fault
        case "in-c@fault":
            sum(itertools.repeat(0))  # in-c@fault
        case "leaves@fault":
            os._exit(0)
"""
POLICY_HOOK = """
@hookimpl
def pre_delivery_attempt(attempt):
    fault(attempt)
"""
OBSERVER = """
@hookimpl
def pre_delivery_attempt(attempt): pass

@hookimpl
def decided(attempt, decision, trace):
    fault(attempt)
"""
OUTER = """
@hookimpl(wrapper=True)
def pre_delivery_attempt(attempt):
    decision = yield
    fault(attempt)
    return decision
"""
CHAIN = 'chain = ["quiet", "faulty", "file"]\n'
SKIPPING = CHAIN + '[plugins.faulty]\non_error = "skip"\ndeadline = "100ms"\n'


@pytest.fixture
def chained(fresh):
    """Start a daemon whose chain is a plugin that does nothing, one like this, and the file."""

    def start(kind: str, more: str = CHAIN, deadline: str = SHORT):
        daemon = fresh()
        daemon.install("quiet", QUIET)
        daemon.install("faulty", FAULTY + kind)
        return daemon.with_plugins(more, deadline)

    return start


def place(daemon, recipient: str) -> str:
    """Where the log should say that a fault was."""
    file = daemon.installed / "faulty.py"
    numbered = enumerate(file.read_text().splitlines(), 1)
    (line,) = (number for number, each in numbered if each.endswith(f"# {recipient}"))
    return f"{file} line {line} (plugin faulty)"


@pytest.mark.parametrize("kind", [POLICY_HOOK, OUTER], ids=["policy", "wrapper"])
@pytest.mark.parametrize("recipient", ["busy@fault", "asleep@fault"])
def test_the_plugin_that_hangs_is_named(chained, kind, recipient):
    daemon = chained(kind)
    with under_load(daemon) as accounts:
        assert accounts.ask(recipient) is TEMPFAILED
    assert accounts.outcomes[ENDED] == 0
    assert place(daemon, recipient) in daemon.wait_for(f"recipient=[{recipient}]")


@pytest.mark.parametrize(
    "kind", [POLICY_HOOK, OUTER, OBSERVER], ids=["policy", "wrapper", "observer"]
)
def test_the_plugin_that_has_to_be_killed_is_named(chained, kind):
    daemon = chained(kind)
    with under_load(daemon) as accounts:
        assert accounts.ask("in-c@fault") is ENDED
    assert place(daemon, "in-c@fault") in daemon.wait_for("recipient=[in-c@fault]")


def test_where_nobody_can_know_which_plugin_has_ended_the_worker_all_are_named(chained):
    daemon = chained(POLICY_HOOK)
    with under_load(daemon) as accounts:
        assert accounts.ask("leaves@fault") is ENDED
    said = daemon.wait_for("recipient=[leaves@fault]")
    assert "(plugin unknown, one of quiet, faulty, file)" in said


def test_a_plugin_with_a_deadline_of_its_own_whose_errors_are_skipped_changes_nothing(chained):
    daemon = chained(POLICY_HOOK, SKIPPING, deadline="1h")
    worker = daemon.worker()
    with under_load(daemon) as accounts:
        assert accounts.ask("busy@fault") is POLICY
        assert accounts.ask("asleep@fault") is POLICY
    assert set(accounts.outcomes) == {POLICY}
    assert place(daemon, "busy@fault") in daemon.wait_for("recipient=[busy@fault]")
    assert daemon.worker() == worker


def test_an_observer_that_hangs_changes_no_decision(chained):
    daemon = chained(OBSERVER)
    worker = daemon.worker()
    with under_load(daemon) as accounts:
        assert accounts.ask("busy@fault") is POLICY
    assert set(accounts.outcomes) == {POLICY}
    assert place(daemon, "busy@fault") in daemon.wait_for("recipient=[busy@fault]")
    assert daemon.worker() == worker
