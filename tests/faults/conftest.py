"""Fixtures: daemons that something goes wrong with."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from .daemons import Daemon


def _making():
    with ExitStack() as stack:

        def make() -> Daemon:
            daemon = Daemon()
            stack.callback(daemon.close)
            return daemon

        yield make


@pytest.fixture
def fresh():
    """Make daemons that nobody has started yet, one for each call."""
    yield from _making()


@pytest.fixture(scope="module")
def lasting():
    """The same, for daemons that live until the end of the module."""
    yield from _making()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Show what the daemon said beside a failure."""
    report = yield
    running = item.funcargs.get("daemon")
    if report.failed and running is not None:
        report.sections.append(("the daemon said", running.output[-4000:]))
    return report
