"""What the daemon tells a service manager."""

from __future__ import annotations

import os
import re
import signal
import socket
import struct
from time import monotonic_ns

import pytest

from hookframe.daemon.systemd import Notifier
from hookframe.testing import eventually

from ..helpers.attempts import attempt
from ..helpers.obedient_hook import said, saying
from ..helpers.wait import PATIENCE

pytestmark = pytest.mark.slow

CREDENTIALS = struct.Struct("3i")
ASKS = """
import os

def pre_delivery_attempt(attempt):
    names = [name for name in os.environ if name.startswith(("NOTIFY", "WATCHDOG"))]
    return {"action": "pause", "message": repr(names)}
"""


class Manager:
    """A service manager's end of the socket.

    Args:
        address: where it is; an abstract one begins with `@`.
    """

    def __init__(self, address):
        self.address = str(address)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self._socket.settimeout(PATIENCE)
        self._socket.bind(self.address.replace("@", "\0"))
        self.senders = set()

    def heard(self):
        """Wait for the next message; return its lines."""
        message, ancillary, _, _ = self._socket.recvmsg(4096, socket.CMSG_SPACE(CREDENTIALS.size))
        ((_, _, credentials),) = ancillary
        self.senders.add(CREDENTIALS.unpack(credentials)[0])
        return message.decode().split("\n")

    def wait_for(self, line):
        """Wait for a message with this line; return all messages up to it."""
        messages = [self.heard()]
        while line not in messages[-1]:
            messages.append(self.heard())
        return messages

    @property
    def silent(self):
        """Whether no message waits."""
        self._socket.setblocking(False)
        try:
            self._socket.recv(4096)
        except BlockingIOError:
            return True
        finally:
            self._socket.settimeout(PATIENCE)
        return False

    def close(self):
        self._socket.close()


@pytest.fixture
def manager(tmp_path):
    """A service manager that listens."""
    manager = Manager(tmp_path / "notify")
    yield manager
    manager.close()


@pytest.fixture
def notifier(manager):
    """Speaks to it."""
    notifier = Notifier(manager.address)
    yield notifier
    notifier.close()


def test_it_says_in_which_state_the_daemon_is(manager, notifier):
    notifier.ready()
    assert manager.heard() == ["READY=1"]
    notifier.ready("2 workers")
    assert manager.heard() == ["READY=1", "STATUS=2 workers"]
    notifier.stopping()
    assert manager.heard() == ["STOPPING=1"]


@pytest.mark.parametrize("text", ["two\nREADY=1", "line\u2028separator", "lone \udc80", "nul \0"])
def test_a_status_stays_one_line(manager, notifier, text):
    notifier.ready(text)
    _, line = manager.heard()
    assert line.startswith("STATUS=")
    assert line.isprintable()


def test_an_abstract_address_is_reached():
    manager = Manager(f"@hookframe-test-{os.getpid()}")
    notifier = Notifier(manager.address)
    notifier.ready()
    assert manager.heard() == ["READY=1"]
    notifier.close()
    manager.close()


@pytest.mark.parametrize("address", ["", "relative", "vsock:2:1234", "/" + "x" * 200, "/no/where"])
def test_without_a_service_manager_nothing_happens(address):
    notifier = Notifier(address, watchdog=0.001)
    for send in (notifier.ready, notifier.stopping, notifier.ping):
        send()
    notifier.close()
    notifier.ready()


def test_what_a_busy_service_manager_could_not_take_is_said_later(manager, notifier):
    for _ in range(10_000):
        notifier.ready("noise")
    notifier.ready()
    assert not manager.silent
    while not manager.silent:
        pass
    notifier.ping()
    assert manager.heard() == ["READY=1"]
    notifier.ping()
    assert manager.silent


def test_signs_of_life_come_twice_in_the_time_that_the_watchdog_has(manager):
    notifier = Notifier(manager.address, watchdog=3600)
    notifier.ping()
    assert manager.heard() == ["WATCHDOG=1"]
    notifier.ping()
    assert manager.silent
    notifier.close()
    notifier = Notifier(manager.address, watchdog=0.002)
    for _ in range(3):
        eventually(lambda: notifier.ping() or not manager.silent)
    notifier.close()


@pytest.mark.parametrize(
    ("variables", "watched"),
    [
        ({"WATCHDOG_USEC": "30000000"}, True),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": str(os.getpid())}, True),
        ({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}, False),
        ({"WATCHDOG_USEC": "0"}, False),
        ({"WATCHDOG_USEC": "soon"}, False),
        ({}, False),
    ],
)
def test_the_variables_say_whether_it_is_watched_and_are_removed(manager, variables, watched):
    environment = {"NOTIFY_SOCKET": manager.address, "HOME": "/", **variables}
    notifier = Notifier.from_environment(environment)
    assert environment == {"HOME": "/"}
    notifier.ping()
    assert manager.silent is not watched
    notifier.close()


@pytest.fixture
def managed(fresh, manager, monkeypatch):
    """Start a daemon that has a service manager, which has heard that it is ready."""

    def managed(*files, **variables):
        monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        daemon = fresh()
        daemon.write(*files)
        daemon.launch()
        manager.wait_for("READY=1")
        return daemon

    return managed


def test_a_daemon_that_says_that_it_is_ready_answers(managed):
    assert managed().ask(saying("ready")) == said("ready")


def test_a_daemon_says_that_it_stops(managed, manager):
    daemon = managed()
    daemon.signal(signal.SIGTERM)
    manager.wait_for("STOPPING=1")
    assert daemon.wait() == 0


@pytest.mark.parametrize("text", [ASKS, "broken("], ids=["good", "broken"])
def test_a_reload_is_announced_with_its_time_and_ends_with_ready_whatever_comes_of_it(
    managed, manager, text
):
    daemon = managed()
    daemon.hook_file.write_text(text)
    asked = monotonic_ns() // 1000
    daemon.signal(signal.SIGHUP)
    # Type=notify-reload waits for a RELOADING=1 that is younger than its signal, then for READY=1.
    for _ in range(2):  # the save alone may have begun a load before
        (*_, reloading) = manager.wait_for("RELOADING=1")
        (began,) = [line for line in reloading if line.startswith("MONOTONIC_USEC=")]
        manager.wait_for("READY=1")
        if int(began.partition("=")[2]) >= asked:
            return
    pytest.fail("no load was announced after the signal")


def test_a_daemon_gives_signs_of_life(managed, manager):
    daemon = managed(WATCHDOG_USEC="1000000")
    for _ in range(3):
        manager.wait_for("WATCHDOG=1")
    assert daemon.ask(saying("alive")) == said("alive")


def test_only_the_process_that_was_started_speaks(managed, manager):
    daemon = managed(WATCHDOG_USEC="1000000")
    daemon.ask(saying("anything"))
    manager.wait_for("WATCHDOG=1")
    daemon.signal(signal.SIGTERM)
    manager.wait_for("STOPPING=1")
    assert manager.senders == {daemon.pid}


def test_a_daemon_that_can_not_start_never_says_that_it_is_ready(fresh, manager, monkeypatch):
    monkeypatch.setenv("NOTIFY_SOCKET", manager.address)
    daemon = fresh()
    daemon.write(listen=["unix:/does/not/exist/s"])
    daemon.launch()
    assert daemon.wait() == 1
    assert manager.silent


def test_hooks_do_not_see_the_service_manager(managed):
    daemon = managed(ASKS, WATCHDOG_USEC="30000000")
    assert daemon.ask(attempt()) == said("[]")


def test_a_service_manager_that_has_gone_is_not_missed(managed, manager):
    daemon = managed(WATCHDOG_USEC="100000")
    manager.close()
    assert daemon.ask(saying("alone")) == said("alone")
    assert daemon.stop() == 0


def test_there_is_no_pid_file(managed, tmp_path):
    daemon = managed()
    files = [path for path in daemon.directory.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if re.search(rf"\b{daemon.pid}\b", path.read_text())]
