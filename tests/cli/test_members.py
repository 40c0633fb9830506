"""What the commands say of members: hook files by path, instances, shadows, what is off."""

from __future__ import annotations

import json

import pytest

CONFIG = """\
chain = ["hooks/quiet.py", "asleep", "old", "new"]

[plugins.asleep]
use = "hooks/quiet.py"
mode = "off"

[plugins.old]
use = "hooks/route.py"

[plugins.new]
use = "hooks/route_next.py"
shadow_of = "old"
"""
ROUTE = """\
def pre_delivery_attempt(attempt):
    return {{"action": "new_mtaid", "new_mtaid": "{pool}", "reason": "rule {pool}"}}
"""


@pytest.fixture
def members(shell):
    """A shell with a chain of every kind of member."""
    (shell.directory / "hooks").mkdir()
    shell.write("hookframe.toml", CONFIG)
    shell.write("hooks/quiet.py", "def pre_delivery_attempt():\n    return None\n")
    shell.write("hooks/route.py", ROUTE.format(pool="a"))
    shell.write("hooks/route_next.py", ROUTE.format(pool="b"))
    return shell


def test_check_lists_what_is_loaded_by_name_and_file(members):
    done = members.run("check")
    assert (done.status, done.err) == (0, "")
    hooks = members.directory / "hooks"
    assert done.out == (
        f"ok: quiet ({hooks}/quiet.py), old ({hooks}/route.py), new ({hooks}/route_next.py)\n"
    )


def test_check_finds_every_members_own_error_at_once(members):
    members.write("hooks/quiet.py", "def pre_delivery_attempt(attemtp):\n    return None\n")
    members.write("hooks/route.py", "def configure(settings): raise ValueError('no table')\n")
    done = members.run("check")
    assert done.status == 1
    assert "plugin quiet, " in done.err
    assert "did you mean attempt?" in done.err
    assert "plugin old, " in done.err
    assert "defines no pre_delivery_attempt" in done.err
    assert "shadow_of" not in done.err


def test_plugins_shows_the_mode_of_each_and_what_is_off(members):
    report = json.loads(members.run("plugins", "--json").out)
    assert [(row["name"], row["mode"], row["status"]) for row in report["chain"]] == [
        ("quiet", "enforce", "ok"),
        ("asleep", "off", "ok"),
        ("old", "enforce", "ok"),
        ("new", "shadow", "ok"),
    ]


def test_explain_shows_members_and_reasons(members):
    done = members.run("decide", "--explain", "recipient=jane@example.net")
    explained = json.loads(done.out)
    assert explained["decision"] == {"action": "new_mtaid", "new_mtaid": "a"}
    assert explained["decided_by"] == ["old"]
    assert [(vote["plugin"], vote["reason"]) for vote in explained["trace"]] == [
        ("quiet", None),
        ("old", "rule a"),
        ("new", "rule b"),
    ]


def test_verify_tries_each_member_that_is_loaded(members):
    done = members.run("verify", "--examples", "20")
    assert done.status == 0, done
    hooks = members.directory / "hooks"
    tried = [done.out.index(f"{hooks}/{name}.py") for name in ("quiet", "route", "route_next")]
    assert tried == sorted(tried)
