"""A hook that closes or replaces file descriptors that are not its own."""

from __future__ import annotations

import pytest

from hookframe.testing import eventually

from .accounts import ENDED, POLICY, TEMPFAILED, under_load
from .policies import PATIENT, names, policy

DEADLY = """
def closes_all():
    os.closerange(0, 65536)

def closes_all_but_the_streams():
    os.closerange(3, 65536)

def closes_all_and_takes_the_numbers():
    os.closerange(0, 65536)
    for _ in range(100):
        os.open("/dev/null", os.O_RDWR)

def replaces_all():
    nothing = os.open("/dev/null", os.O_RDWR)
    for number in range(3, 200):
        if number != nothing:
            os.dup2(nothing, number)
"""
STREAMS = """
def closes_the_streams():
    os.closerange(0, 3)

def replaces_the_streams():
    nothing = os.open("/dev/null", os.O_RDWR)
    for number in range(3):
        os.dup2(nothing, number)
    os.close(nothing)

def raises():
    raise ValueError("still heard")
"""
STRANGERS = """
import socket

def close_sockets(listening):
    for name in os.listdir("/proc/self/fd"):
        try:
            found = socket.socket(fileno=os.dup(int(name)))
        except OSError:
            continue
        with found:
            accepts = found.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            if found.getsockname() and accepts == listening:
                os.close(int(name))

def closes_the_clients():
    close_sockets(listening=0)

def closes_the_listeners():
    close_sockets(listening=1)

once = []

def closes_twice():
    if once:
        try:
            os.close(once.pop())
        except OSError:
            pass
    once.append(os.open("/dev/null", os.O_RDONLY))
    os.close(once[0])
"""


@pytest.mark.parametrize("name", names(DEADLY))
def test_a_worker_without_its_descriptors_is_replaced(fresh, name):
    daemon = fresh().with_policy(DEADLY)
    worker = daemon.worker()
    with under_load(daemon) as accounts:
        assert accounts.fault(name) is ENDED
        daemon.next_worker(worker)
    assert accounts.outcomes[ENDED] <= 5
    daemon.wait_for(f"worker {worker}")


@pytest.mark.parametrize("name", ["closes_the_streams", "replaces_the_streams"])
def test_the_standard_streams_are_put_back_and_the_log_goes_on(fresh, name):
    daemon = fresh().with_policy(STREAMS)
    worker = daemon.worker()
    with under_load(daemon) as accounts:
        assert accounts.fault(name) is POLICY
        assert "a plugin has closed or replaced" in daemon.wait_for("1, 2: restored")
        accounts.wait_for(POLICY)
        assert accounts.fault("raises") is TEMPFAILED
    assert "still heard" in daemon.wait_for("recipient=[raises@fault.test]")
    assert accounts.outcomes[ENDED] <= 3
    assert daemon.worker() == worker


@pytest.mark.parametrize("name", ["closes_the_clients", "closes_twice"])
def test_no_client_gets_the_answer_of_another_whose_descriptor_was_closed(fresh, name):
    daemon = fresh().with_policy(STRANGERS)
    with under_load(daemon) as accounts, accounts.load(pipeline=50):
        for _ in range(3):
            accounts.fault(name)
            accounts.wait_for(POLICY)


def test_a_worker_whose_listening_sockets_were_closed_is_replaced(fresh):
    daemon = fresh().with_policy(STRANGERS)
    worker = daemon.worker()
    with under_load(daemon) as accounts:
        assert accounts.fault("closes_the_listeners") in {POLICY, ENDED}
        daemon.next_worker(worker)
    assert accounts.outcomes[ENDED] <= 5
    assert "closed" in daemon.wait_for("this worker exits and is replaced")


LEAKING = """
kept = []

def leaks():
    kept.append(os.open("/dev/null", os.O_RDONLY))
"""


def test_a_worker_whose_hook_leaks_descriptors_is_replaced_and_no_connection_is_lost(fresh):
    daemon = fresh()
    daemon.write(policy(LEAKING), f'deadline = "{PATIENT}"\n')
    daemon.start("prlimit", "--nofile=300:300")
    worker = daemon.worker()
    with under_load(daemon) as accounts:
        eventually(lambda: accounts.fault("leaks") and daemon.status()["restarts"]["descriptors"])
        assert daemon.next_worker(worker)
    assert accounts.outcomes[ENDED] == 0
    assert daemon.status()["restarts"]["death"] == 0
    assert daemon.logged(f"the worker {worker} is replaced: ") == 1
