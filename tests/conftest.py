"""Fixtures of all tests: the log, a site, installed distributions."""

from __future__ import annotations

import signal

import pytest
from hypothesis import HealthCheck, settings
from loguru import logger

from hookframe.testing import Daemon

from .helpers.distributions import install_sets, isolated
from .helpers.log import Lines
from .helpers.shell import Shell
from .helpers.site import Site

SLOW = (
    *(f"tests/{name}/" for name in ("cli", "conformance", "docs", "e2e", "faults", "fuzz")),
    "contrib/hooks/test_warm_up.py",  # to be copied by users, who have no such mark
)
"""Beginnings of the ids of tests that are slow by their place; each other one has its mark."""

settings.register_profile(
    "hookframe",
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
settings.register_profile("quick", settings.get_profile("hookframe"), max_examples=20)
settings.load_profile("hookframe")  # `pytest --hypothesis-profile=quick` loads the other one


def pytest_collection_modifyitems(items):
    """Mark the tests that are slow by their place."""
    for item in items:
        if item.nodeid.startswith(SLOW):
            item.add_marker(pytest.mark.slow)


def pytest_configure():
    """Let the programs that tests start hear Ctrl-C, which a shell's background job ignores."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Show a daemon's log below the failure of a test that uses it."""
    report = yield
    daemon = getattr(item, "funcargs", {}).get("daemon")
    if report.failed and isinstance(daemon, Daemon):
        report.sections.append(("the daemon's log", daemon.output[-4000:]))
    return report


@pytest.fixture
def log():
    """What loguru's global logger gets, which is where a host in a program logs."""
    lines = Lines()
    handler = logger.add(lines.take, format="{message}", level="DEBUG", catch=False)
    yield lines
    logger.remove(handler)


@pytest.fixture
def shell(tmp_path):
    """A directory in which commands run."""
    directory = tmp_path / "work"
    directory.mkdir()
    return Shell(directory)


@pytest.fixture
def site(tmp_path):
    """A directory with a configuration and a hook file."""
    directory = tmp_path / "site"
    directory.mkdir()
    site = Site(directory)
    yield site
    site.close()


@pytest.fixture(scope="session")
def distributions(tmp_path_factory):
    """Foreign distributions, each set in a directory of its own."""
    return install_sets(tmp_path_factory.mktemp("distributions"))


@pytest.fixture
def install(distributions, monkeypatch):
    """Put sets of installed distributions on the path, and nothing else that is installed."""
    with isolated(distributions, monkeypatch) as put:
        yield put


@pytest.fixture
def fake_plugins(install):
    """Plugins that do what their settings say: `a`, `b`, `c`, wrappers `outer` and `inner`."""
    install("fake")
