"""Fixtures: one namespace for the whole run; a fresh Exim, sink and daemon for each module."""

from __future__ import annotations

import grp
import os
import shutil
import tempfile
from pathlib import Path

import pytest

from .daemon import Daemon
from .exim import EXIM_USER, Exim
from .hooks import Policy
from .namespace import Namespace, Sink
from .needed import give_up, what_is_missing

HAS_IPV6 = Path("/proc/net/if_inet6").exists()
SINKS = ("127.0.0.11", "127.0.0.12", *(["::1"] if HAS_IPV6 else []))
SITE = """\
primary_hostname = "mta.test"
default_virtualmta = "main"

[virtualmta.main]
interface = "127.0.0.2"
helo = "main.test"

[virtualmta.vmta2]
interface = "127.0.0.3"
helo = "vmta2.test"

[virtualmta.vmta3]
interface = "127.0.0.4"
helo = "vmta3.test"

[hook]
socket = "{socket}"
timeout = "{timeout}"

[routes]
"other.test" = "127.0.0.12:2500"
"late.test" = "127.0.0.13:2500"
"*" = ["127.0.0.11:2500"]

[smtp]
retry = ["F,2h,1m"]

[local]
domains = ["mta.test", "sender.test"]
mailbox = "{base}/local.mbox"
aliases = "{base}/aliases"

[exim]
spool_directory = "{base}/spool"
log_directory = "{base}/log"
pid_file = "{base}/exim.pid"
queue_only = true
"""


def pytest_collection_modifyitems(items):
    """Everything in this directory is an end-to-end test."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Show what Exim and the daemon said beside a failure."""
    report = yield
    exim, base = item.funcargs.get("exim"), item.funcargs.get("base")
    if base is None or not base.exists():
        return report
    if report.failed and exim is not None:
        report.sections.append(("Exim's mainlog", "\n".join(exim.log()[-20:])))
        report.sections.append(("Exim's paniclog", exim.panics()))
    if report.failed and "make_daemon" in item.funcargs:
        for daemon in item.funcargs["make_daemon"].made:
            report.sections.append((f"the log of {daemon.directory}", daemon.output[-3000:]))
    return report


@pytest.fixture(scope="session")
def namespace():
    if missing := what_is_missing():
        give_up(missing)
    with tempfile.TemporaryDirectory(prefix="hookframe-e2e-") as name:
        made = Namespace(Path(name))
        yield made
        made.close()


@pytest.fixture(scope="module")
def base():
    """A directory that Exim's user may enter, which it may not in pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="hookframe-e2e-"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def sink(namespace, base):
    made = Sink(namespace, base, *SINKS)
    yield made
    made.close()


@pytest.fixture(scope="module")
def socket_path(namespace, base):
    """A socket's place in a directory set up as the README says."""
    run = base / "run"
    run.mkdir()
    os.chown(run, 0, grp.getgrnam(EXIM_USER).gr_gid)
    run.chmod(0o2750)
    return run / "exim.sock"


@pytest.fixture(scope="module")
def make_exim(namespace, base, socket_path):
    """Makes the module's Exim; `SITE` may be edited with `change`."""

    def make(change=lambda site: site, timeout="3s"):
        shutil.chown(base, EXIM_USER)
        (base / "aliases").write_text("staff: Jane.Doe@remote.test\n")
        return Exim(
            namespace, base, change(SITE.format(base=base, socket=socket_path, timeout=timeout))
        )

    return make


@pytest.fixture(scope="module")
def exim(make_exim):
    made = make_exim()
    yield made
    assert made.panics() == ""


@pytest.fixture(scope="module")
def make_daemon(namespace, socket_path):
    """Makes a daemon that is stopped when the module is done; its directory is not Exim's."""
    made = []
    own = Path(tempfile.mkdtemp(prefix="hookframe-e2e-daemon-"))

    def make():
        directory = own / f"hookframe{len(made)}"
        directory.mkdir()
        made.append(Daemon(namespace, directory, socket_path))
        return made[-1]

    make.made = made
    yield make
    for daemon in made:
        daemon.close()
    shutil.rmtree(own)


@pytest.fixture(scope="module")
def policy(make_daemon):
    """A running daemon whose hook file answers what the test decided."""
    daemon = make_daemon()
    made = Policy(daemon.directory)
    daemon.start_with(made.hook)
    return made
