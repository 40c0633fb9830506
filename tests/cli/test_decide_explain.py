"""`hookframe decide --explain`: each plugin's vote and time."""

from __future__ import annotations

import json
import re

import pytest

from ..helpers.attempts import ATTEMPT, TEMPFAIL, attempt
from ..helpers.shell import COLOUR

PAUSES = 'def pre_delivery_attempt():\n    return {"action": "pause", "message": "[red]later"}\n'
CONFIG = """\
chain = ["guard", "routes", "file"]
hook_file = "hook.py"
[plugins.guard]
mode = "shadow"
"""

WRAPPED = '''
chain = ["outer", "guard"]
[plugins.outer.settings]
code = """
yield
return {"action": "dump", "message": "outer"}
"""
'''


@pytest.fixture(autouse=True)
def _policy(shell, distributions):
    shell.install(distributions["stack"])
    shell.write("hook.py", PAUSES)
    shell.write("hookframe.toml", CONFIG)


def test_off_a_terminal_it_is_an_object_a_line_with_decision_decided_by_and_trace(shell):
    done = shell.run("decide", "--explain", "sendid=news", "recipient=a@blocked.example")
    assert done.status == 0
    (line,) = done.lines
    assert list(line) == ["decision", "decided_by", "trace"]
    assert line["decision"] == {"action": "pause", "message": "[red]later"}
    assert line["decided_by"] == ["file"]
    told = [(each["plugin"], each["mode"], each["vote"], each["changed"]) for each in line["trace"]]
    assert told == [
        ("guard", "shadow", {"action": "dump", "message": "guard: blocked"}, False),
        ("routes", "enforce", {"action": "new_mtaid", "new_mtaid": "for-news"}, True),
        ("file", "enforce", {"action": "pause", "message": "[red]later"}, True),
    ]
    assert line["trace"][0]["distribution"] == "acme-guard"
    assert line["trace"][0]["version"] == "1.4.0"
    assert all(each["microseconds"] >= 0 for each in line["trace"])


def test_a_stream_is_explained_line_by_line(shell):
    attempts = "".join(json.dumps(each) + "\n" for each in (ATTEMPT, attempt(sendid="b")))
    done = shell.run("decide", "--explain", stdin=attempts.encode() + b"nonsense\n")
    assert done.status == 1
    votes = [line["trace"][1]["vote"]["new_mtaid"] for line in done.lines[:2]]
    assert votes == [f"for-{ATTEMPT['sendid']}", "for-b"]
    assert done.lines[2] == {"decision": TEMPFAIL, "decided_by": [], "trace": []}


def test_on_a_terminal_it_shows_every_plugin_its_vote_and_what_it_changed(shell):
    shown = shell.on_terminal("decide", "--explain", "sendid=news", "recipient=a@blocked.example")
    assert shown.status == 0
    assert "a@blocked.example: pause" in shown.text
    assert "decided by file" in shown.text
    rows = {line.split()[0]: line for line in shown.text.splitlines() if line.split()}
    assert "shadow" in rows["guard"]
    assert 'dump message="guard: blocked"' in rows["guard"]
    assert rows["routes"].count('new_mtaid="for-news"') == 2
    assert rows["file"].count('message="[red]later"') == 2
    assert "µs" in rows["plugin"]
    assert float(rows["guard"].split()[-1]) >= 0


def test_tables_are_printed_off_a_terminal_on_request(shell):
    done = shell.run("decide", "--explain", "--table", "sendid=news", "recipient=a@blocked.example")
    assert done.status == 0
    assert "a@blocked.example: pause" in done.out
    assert "\x1b" not in done.out
    assert max(map(len, done.out.splitlines())) <= 80
    for wrong in (["--table", "sendid=x"], ["--explain", "--table", "--json", "sendid=x"]):
        assert shell.run("decide", *wrong).status == 2


def test_on_a_terminal_an_error_is_shown_with_its_plugin(shell):
    shell.write("hookframe.toml", CONFIG.replace('mode = "shadow"', ""))
    shown = shell.on_terminal("decide", "--explain", "sendid=crash", streams=(0, 1))
    assert shown.status == 1
    assert "error in guard: Exception running pre_delivery_attempt_hook: LookupError" in shown.text
    assert "error in pre_delivery_attempt_hook" in shown.err


def test_with_json_it_is_json_on_a_terminal_too(shell):
    shown = shell.on_terminal("decide", "--explain", "--json", "sendid=news")
    assert json.loads(shown.text.splitlines()[-1])["decided_by"] == ["file"]
    assert "\x1b" not in shown.raw.splitlines()[-1]


def test_without_explain_it_is_json_on_a_terminal_too(shell):
    shown = shell.on_terminal("decide", "--hook-file", "hook.py", "sendid=news")
    assert json.loads(shown.text) == {"action": "pause", "message": "[red]later"}


@pytest.mark.parametrize(("variable", "coloured"), [(None, True), ("1", False)])
def test_it_is_coloured_unless_no_color_is_set(shell, variable, coloured):
    if variable is not None:
        shell.environment["NO_COLOR"] = variable
    shown = shell.on_terminal("decide", "--explain", "sendid=news")
    assert bool(re.search(f"{COLOUR}pause", shown.raw)) is coloured
    assert "[red]later" in shown.text


def test_a_recipient_can_not_steer_the_terminal(shell):
    shown = shell.on_terminal("decide", "--explain", "recipient=\x1b]0;owned\x07@x", streams=(1,))
    assert shown.status == 0
    assert "\x1b]" not in shown.raw
    assert "\\x1b]0;owned\\x07@x" in shown.text


def test_a_stream_on_a_terminal_shows_one_after_the_other(shell):
    attempts = "".join(
        json.dumps(attempt(recipient=each)) + "\n" for each in ("a@x", "b@x")
    ).encode()
    shown = shell.on_terminal("decide", "--explain", streams=(1, 2), stdin=attempts + b"[]\n")
    assert shown.status == 1
    assert shown.text.index("a@x: ") < shown.text.index("b@x: ") < shown.text.index("(no attempt)")
    assert "no plugin was called" in shown.text


def test_a_wrapper_shows_among_the_votes(shell, distributions):
    shell.install(distributions["stack"], distributions["fake"])
    shell.write("hookframe.toml", WRAPPED)
    done = shell.run("decide", "--explain", "sendid=x")
    (line,) = done.lines
    assert line["decision"] == {"action": "dump", "message": "outer"}
    assert line["decided_by"] == ["outer"]
    assert [vote["plugin"] for vote in line["trace"]] == ["guard", "outer"]
