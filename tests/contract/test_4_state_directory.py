"""CONTRACT 4: `state_directory`, in which plugins keep what must survive a restart."""

from __future__ import annotations

import stat

import pytest

from hookframe import TEMPFAIL_MESSAGE
from hookframe.testing import make_attempt

from ..helpers.distributions import PROJECTS
from ..helpers.site import policy

TELLS = (PROJECTS / "written-for-1-state-directory" / "hook.py").read_text("utf-8")
WITHOUT = "def pre_delivery_attempt(attempt):\n    return None\n"


@pytest.fixture(autouse=True)
def _no_systemd(monkeypatch):
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)


def told(host):
    return host.decide(make_attempt())["message"]


def test_a_plugin_that_asks_gets_the_path_and_it_is_created_for_this_user_alone(site):
    host = site.host(policy(hook_file="hook.py", state_directory="state"), TELLS)
    state = site.directory / "state"
    assert told(host) == str(state)
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_without_the_key_a_plugin_is_told_so(site):
    assert told(site.host(policy(hook_file="hook.py"), TELLS)) == "None"


def test_the_directory_of_a_systemd_unit_is_taken_without_the_key(site, monkeypatch):
    state = site.directory / "state"
    state.mkdir(mode=0o700)
    monkeypatch.setenv("STATE_DIRECTORY", str(state))
    assert told(site.host(policy(hook_file="hook.py"), TELLS)) == str(state)


def test_one_that_others_may_read_is_a_load_error_of_the_plugin_that_asks(site):
    state = site.directory / "state"
    state.mkdir()
    state.chmod(0o755)
    host = site.host(policy(hook_file="hook.py", state_directory="state"), TELLS)
    assert told(host) == TEMPFAIL_MESSAGE
    assert f"chmod 0700 {state}" in host.problem
    assert "plugin file" in host.problem


def test_it_is_neither_checked_nor_created_where_no_plugin_asks(site):
    host = site.host(policy(hook_file="hook.py", state_directory="none/state"), WITHOUT)
    assert host.decide(make_attempt()) == {"action": "normal"}
    assert not (site.directory / "none").exists()
