"""`hookframe.api.hookspecs`: what a plugin may implement."""

from __future__ import annotations

import inspect

import pytest

from hookframe.api import hookspecs

PROMISED = {
    "pre_delivery_attempt": ("attempt", "decision", "state"),
    "code_files": ("settings", "directory"),
    "configure": ("settings", "files", "state_directory", "directory"),
    "decided": ("attempt", "decision", "trace"),
    "remarks": (),
    "close": (),
}


@pytest.mark.parametrize(("hook", "arguments"), PROMISED.items())
def test_each_hook_is_specified_with_its_arguments_and_documented(hook, arguments):
    function = getattr(hookspecs, hook)
    assert tuple(inspect.signature(function).parameters) == arguments
    assert function.__doc__
    for argument in arguments:
        assert f"{argument}:" in function.__doc__
    assert hookspecs.HOOKS[hook] == arguments


def test_there_is_no_other_hook():
    assert set(hookspecs.HOOKS) == set(PROMISED)
