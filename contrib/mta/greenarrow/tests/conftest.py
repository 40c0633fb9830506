"""Fixtures: hosts like GreenArrow, daemons of hookframe's own, and others that misbehave."""

from __future__ import annotations

import shutil
import socket
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from hookframe.testing import Daemon

from .host import OBEDIENT, GreenArrow
from .servers import Server


@pytest.fixture(scope="session", autouse=True)
def perl():
    """All tests of this directory need it, and those modules that Debian's perl-base lacks."""
    if shutil.which("perl") is None or shutil.which("json_pp") is None:
        pytest.skip("Perl is not installed with its modules (Debian: apt-get install perl)")


@contextmanager
def checked():
    """Open a daemon, whose log must have no traceback and no warning in the end."""
    with Daemon() as daemon:
        yield daemon
    for unexpected in ("Traceback", "atal error", "Warning:", "Exception in callback"):
        assert unexpected not in daemon.output, daemon.output


@pytest.fixture(scope="module")
def daemon():
    """A daemon that does what the attempt says."""
    with checked() as daemon:
        daemon.write(OBEDIENT, 'deadline = "30s"\n')
        yield daemon.start()


@pytest.fixture(scope="module")
def asking(daemon):
    """A host that asks this daemon over its unix socket."""
    host = GreenArrow(f"unix:{daemon.jsonl}")
    try:
        yield host.load()
    finally:
        host.close()


@pytest.fixture
def stack():
    """What is closed when the test has ended."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def fresh(stack):
    """Make daemons that nobody has started yet, one for each call."""

    def make():
        return stack.enter_context(checked())

    return make


@pytest.fixture
def host(stack):
    """Make hosts that have loaded their file, one for each call."""

    def make(address, environment=None, **settings):
        host = GreenArrow(address, environment, **settings)
        stack.callback(host.close)
        return host.load()

    return make


@pytest.fixture
def serve(stack, directory):
    """Make servers that misbehave, on a unix socket or on TCP."""

    def make(*turns, at=None):
        server = Server(at or directory / "socket", *turns)
        stack.callback(server.close)
        return server

    return make


@pytest.fixture
def directory():
    """A directory whose name is short enough for a socket in it."""
    with tempfile.TemporaryDirectory(prefix="hf-ga-", dir="/tmp") as directory:
        yield Path(directory)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Show what the daemon and the host said beside a failure."""
    report = yield
    for name in ("daemon", "asking"):
        running = item.funcargs.get(name)
        if report.failed and running is not None:
            said = running.output if name == "daemon" else running.log
            report.sections.append((f"the {name} said", said[-4000:]))
    return report


@pytest.fixture
def free_port():
    """A port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
