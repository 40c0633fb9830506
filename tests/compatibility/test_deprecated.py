"""A hook or an argument that a hookspec marks as deprecated: its users run on, and are named."""

from __future__ import annotations

import json

import pytest

from hookframe import Host
from hookframe.api import hookspecs

from ..helpers.attempts import ATTEMPT
from ..helpers.site import policy
from .releases import Release

ARGUMENT = "it goes away with version 3 of the hook API: keep what you remember on the plugin"
HOOK = "it goes away with version 3 of the hook API: log what you have to say"
TAKEN = f"pre_delivery_attempt takes the argument 'state', which is deprecated: {ARGUMENT}"
IMPLEMENTED = f"implements remarks, which is deprecated: {HOOK}"
HOOK_FILE = """
def pre_delivery_attempt(attempt, state):
    return {"action": "pause", "message": f"asked with {state}"}
"""


@pytest.fixture
def deprecated(monkeypatch):
    """Mark an argument and a whole hook as deprecated, with pluggy's own marks."""
    for hook, marks in (
        ("pre_delivery_attempt", {"warn_on_impl_args": {"state": DeprecationWarning(ARGUMENT)}}),
        ("remarks", {"warn_on_impl": DeprecationWarning(HOOK)}),
    ):
        function = getattr(hookspecs, hook)
        before = function.hookframe_spec
        monkeypatch.setattr(function, "hookframe_spec", before)
        hookspecs.hookspec(function, firstresult=before["firstresult"], **marks)


def test_the_log_names_each_plugin_that_takes_a_deprecated_argument(deprecated, site, install, log):
    install("stack")
    host = site.host(policy(["guard", "file"], hook_file="hook.py"), HOOK_FILE)
    assert log.starting("deprecated: ") == [
        f"deprecated: {TAKEN} (plugin guard, acme-guard 1.4.0)",
        f"deprecated: {TAKEN} (plugin file, {site.file})",
    ]
    assert {log.levels[log.all.index(line)] for line in log.starting("deprecated: ")} == {"WARNING"}
    assert host.decide(ATTEMPT)["message"] == "asked with {'seen by': ['guard']}"


def test_the_log_names_it_once_a_load(deprecated, site, install, log):
    install("stack")
    host = site.host(policy(["guard", "file"], hook_file="hook.py"), HOOK_FILE)
    host.reload()
    host.reload()
    lines = log.starting("deprecated: ")
    assert sum("(plugin guard," in line for line in lines) == 3
    assert sum("(plugin file," in line for line in lines) == 3


def test_a_wrapper_that_uses_it_is_named_too(deprecated, directory, install, log):
    install("today")
    with Host.from_config(directory / "hookframe.toml", watch=False) as host:
        assert host.problem == ""
    lines = log.starting("deprecated: ")
    assert f"deprecated: {TAKEN} (plugin around, written-for-1 1.0)" in lines
    assert f"deprecated: {IMPLEMENTED} (plugin everything, written-for-1 1.0)" in lines
    assert not any("(plugin script," in line for line in lines)


def test_check_has_it_among_its_notes(directory, distributions):
    release = Release((distributions["today"],))
    program = (
        "from hookframe.api import hookspecs\n"
        "from hookframe.__main__ import main\n"
        f"warning = DeprecationWarning({HOOK!r})\n"
        "hookspecs.hookspec(hookspecs.remarks, warn_on_impl=warning)\n"
        "main()\n"
    )
    done = release.run("-c", program, "check", "--json", directory=directory)
    notes = json.loads(done.stdout)["notes"]
    assert notes[0] == f"plugin everything, written-for-1 1.0: {IMPLEMENTED}"
    assert notes[1].startswith("everything: it saw ")
