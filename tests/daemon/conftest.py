"""Fixtures: one daemon for the tests of a module, fresh ones for those that start or stop it."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from ..helpers.daemons import Daemon


@pytest.fixture(scope="module")
def daemon():
    """A running daemon that does what the attempt says; it must still be whole at the end."""
    running = Daemon()
    try:
        running.write()
        running.start()
        yield running
    finally:
        running.close()


@pytest.fixture
def fresh():
    """Make daemons that nobody has started yet, one for each call."""
    with ExitStack() as stack:

        def make() -> Daemon:
            daemon = Daemon()
            stack.callback(daemon.close)
            return daemon

        yield make


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Show what the daemon said beside a failure."""
    report = yield
    running = item.funcargs.get("daemon")
    if report.failed and running is not None:
        report.sections.append(("the daemon said", running.output[-4000:]))
    return report
