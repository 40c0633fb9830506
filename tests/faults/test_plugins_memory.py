"""A hook that takes more memory than there is, in one attempt or little by little."""

from __future__ import annotations

import pytest

from .accounts import ENDED, POLICY, TEMPFAILED, Accounts, under_load

LIMIT = '[limits]\nmax_memory = "100MiB"\n'
ENOUGH = 50
"""So many attempts that grow go beyond that, and not beyond twice as much."""
FAULTS = """
kept = []

def grow():
    kept.append(b"x" * (2 << 20))

def too_much_at_once():
    return {"action": "dump", "message": str(len(bytearray(1 << 30)))}

def too_much_by_and_by():
    more = []
    while True:
        more.append(b"x" * (1 << 20))
"""


@pytest.mark.parametrize(
    "client", [{}, {"pipeline": 20}, {"keep": False}, {"where": "exim"}], ids=str
)
def test_a_worker_that_has_grown_too_large_is_replaced_and_no_attempt_is_lost(fresh, client):
    daemon = fresh().with_policy(FAULTS, LIMIT)
    if client.get("where"):
        client = {"where": daemon.exim}
    worker, accounts = daemon.worker(), Accounts(daemon)
    daemon.standby()
    with accounts.load(**client):
        for _ in range(ENOUGH):
            assert accounts.fault("grow") is POLICY
        assert daemon.next_worker(worker) in daemon.children()
        accounts.wait_for(POLICY)
    assert set(accounts.all_closed()) == {POLICY}
    assert f"the worker {worker} has" in daemon.wait_for("limits.max_memory is 100 MiB")
    assert daemon.is_running


@pytest.mark.parametrize("name", ["too_much_at_once", "too_much_by_and_by"])
def test_an_attempt_that_takes_too_much_memory_temp_fails(fresh, name):
    daemon = fresh().with_policy(FAULTS, LIMIT)
    with under_load(daemon) as accounts:
        assert accounts.fault(name) is TEMPFAILED
    assert accounts.outcomes[TEMPFAILED] == 1
    assert accounts.outcomes[ENDED] == 0
    said = daemon.wait_for(f"recipient=[{name}@fault.test]")
    assert "MemoryError" in said
    assert f"{daemon.hook_file} line" in said
    assert "(plugin file)" in said


def test_a_leak_faster_than_workers_are_replaced_temp_fails_what_finds_no_memory(fresh):
    daemon = fresh().with_policy(FAULTS, LIMIT)
    with under_load(daemon) as accounts:
        while daemon.logged("limits.max_memory is 100 MiB") < 2:
            assert accounts.fault("grow") in {POLICY, TEMPFAILED}
    assert accounts.outcomes[ENDED] == 0
