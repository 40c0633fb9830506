"""pip upgrades a plugin while the daemon runs."""

from __future__ import annotations

import os
import shutil
import signal

import pytest

from hookframe.testing import eventually

from ..helpers.attempts import attempt
from .accounts import POLICY, Accounts
from .policies import policy

SOURCE = """
from hookframe import hookimpl

import grows_version

@hookimpl
def pre_delivery_attempt(attempt):
    both = grows_version.NUMBER + " of {number}"
    return {{"action": "pause", "message": f"{{both}} {{attempt['msguid']}}"}}
"""
BROKEN = "1 / 0\n"


def upgrade(daemon, number: str) -> None:
    """Install a version of the plugin, which is two modules."""
    for old in daemon.installed.glob("grows-*.dist-info/METADATA"):
        old.write_text(old.read_text().replace("Version: 1.0", f"Version: {number}"))
        old.parent.rename(daemon.installed / f"grows-{number}.dist-info")
    # As pip does: what was compiled within the same second counts as that of the new file.
    shutil.rmtree(daemon.installed / "__pycache__", ignore_errors=True)
    (daemon.installed / "grows.py").write_text(SOURCE.format(number=number))
    (daemon.installed / "grows_version.py").write_text(f"NUMBER = {number!r}\n")


def of_one_version(asked, decision) -> bool:
    """Whether both modules of the plugin are of the same version."""
    first, _, second, msguid = decision["message"].split()
    return first == second and msguid == asked["msguid"]


@pytest.fixture
def daemon(fresh):
    """A daemon of three workers whose chain is the plugin's first version."""
    made = fresh()
    made.install("grows", "")
    upgrade(made, "1.0")
    made.with_plugins('workers = 3\non_load_error = "keep"\nchain = ["grows", "file"]\n')
    made.ready()
    return made


def version(daemon) -> str:
    """The version that answers."""
    return daemon.ask(attempt())["message"].split()[0]


def changed(daemon) -> bool:
    """Whether all workers, and the standby, have loaded the second version."""
    status = daemon.status()
    roles = [each["role"] for each in status["workers"] if each["generation"] == 2]
    return status["versions"]["grows"] == "2.0" and sorted(roles) == ["standby"] + ["worker"] * 3


def test_the_status_says_what_is_installed_until_a_sighup_takes_it_as_a_whole(daemon):
    accounts = Accounts(daemon, of_one_version)
    with accounts.load(keep=False), accounts.load(daemon.exim):
        upgrade(daemon, "2.0")
        daemon.save(daemon.hook_file, BROKEN)  # the versions are compared at a load
        note = "grows 2.0 is installed, 1.0 runs"
        eventually(lambda: note in daemon.status()["notes"])
        daemon.save(daemon.hook_file, policy())
        assert version(daemon) == "1.0"
        daemon.signal(signal.SIGHUP)
        eventually(lambda: changed(daemon))
        eventually(lambda: daemon.status()["notes"] == [])
    assert set(accounts.all_closed()) == {POLICY}
    assert version(daemon) == "2.0"


def test_a_worker_that_dies_after_the_upgrade_makes_all_of_them_change(daemon):
    accounts = Accounts(daemon, of_one_version)
    with accounts.load(keep=False), accounts.load(daemon.exim):
        upgrade(daemon, "2.0")
        os.kill(min(daemon.having("worker")), signal.SIGKILL)
        eventually(lambda: changed(daemon))
    assert daemon.status()["restarts"]["policy"] == 3
    assert version(daemon) == "2.0"
