"""`hookframe.rehearsal()`: true while a policy is only tried, in every hook."""

from __future__ import annotations

import pytest

HOOK = """\
from hookframe import rehearsal


def note(what):
    with open({told!r}, "a") as file:
        file.write(f"{{what}} {{rehearsal()}}\\n")


def configure(settings):
    note("configure")


def pre_delivery_attempt(attempt):
    note("attempt")


def close():
    note("close")
"""


@pytest.fixture
def told(shell):
    """Write a hook file that notes what `rehearsal` returns; return a function that reads it."""
    path = shell.directory / "told"
    shell.write("hook.py", HOOK.format(told=str(path)))
    return lambda: set(path.read_text("utf-8").splitlines())


def test_check_is_a_rehearsal_in_every_hook(shell, told):
    assert shell.run("check", "hook.py").status == 0
    assert told() == {"configure True", "attempt True", "close True"}


def test_verify_is_a_rehearsal(shell, told):
    shell.run("verify", "--examples", "1", "hook.py")
    assert told() >= {"configure True", "attempt True"}
    assert not any(line.endswith("False") for line in told())


def test_serve_check_is_a_rehearsal(shell, told):
    done = shell.run(
        "serve", "--check", "--hook-file", "hook.py", "--listen", f"unix:{shell.directory}/s"
    )
    assert done.status == 0
    assert told() == {"configure True", "close True"}


def test_decide_is_real(shell, told):
    assert shell.run("decide", "--hook-file", "hook.py", "recipient=a@example.net").status == 0
    assert told() == {"configure False", "attempt False", "close False"}
