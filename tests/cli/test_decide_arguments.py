"""`hookframe decide KEY=VALUE`: one attempt from the arguments."""

from __future__ import annotations

import time

import pytest

from hookframe.attempt import ATTEMPT_TYPES

from ..helpers.attempts import TEMPFAIL

SHOWS = """\
import json
def pre_delivery_attempt(attempt):
    print(json.dumps(dict(attempt)))
"""
ROUTES = """\
def pre_delivery_attempt(attempt):
    if attempt["is_first_attempt"]:
        return {"action": "new_mtaid", "new_mtaid": attempt["mtaid"] + "-2"}
"""


def seen(shell, *pairs):
    """Give the attempt that the hook gets for these arguments."""
    shell.write("hook.py", SHOWS)
    done = shell.run("decide", "--hook-file", "hook.py", *pairs)
    assert done.status == 0, done.err
    import json

    return json.loads(done.err[done.err.index("{") :])


def test_it_prints_the_decision_as_a_line_of_json(shell):
    shell.write("hook.py", ROUTES)
    done = shell.run("decide", "--hook-file", "hook.py", "mtaid=main")
    assert (done.status, done.err) == (0, "")
    assert done.out.count("\n") == 1
    assert done.lines == [{"action": "new_mtaid", "new_mtaid": "main-2"}]


def test_the_arguments_become_the_attempt_in_their_types(shell):
    given = {
        "mtaid": "m=1",
        "sendid": "",
        "listid": "l",
        "msguid": "g",
        "injtime": 1483391740,
        "sender": "",
        "recipient": "j\u00f6rg@example.com",
        "is_first_attempt": False,
        "mtaid_exists": True,
    }
    pairs = [f"{key}={value}" for key, value in given.items()]
    assert seen(shell, *pairs) == given


@pytest.mark.parametrize(
    ("text", "value"), [("true", True), ("false", False), ("1", True), ("0", False)]
)
def test_a_boolean_is_true_false_1_or_0(shell, text, value):
    assert seen(shell, f"mtaid_exists={text}")["mtaid_exists"] is value


def test_missing_keys_get_the_sample_values_that_the_help_lists(shell):
    attempt = seen(shell, "recipient=bob@example.com")
    assert attempt.keys() == ATTEMPT_TYPES.keys()
    listed = shell.run("decide", "--help").out
    for key in attempt.keys() - {"recipient", "injtime"}:
        value = attempt[key]
        shown = str(value).lower() if isinstance(value, bool) else value
        assert f"\n      {key}={shown}\n" in listed
    assert "injtime=(now)" in listed
    assert abs(time.time() - attempt["injtime"]) < 3600


def test_other_keys_pass_as_strings(shell):
    attempt = seen(shell, "size=5120", "header_list_id=news", "sender_ip=192.0.2.1")
    assert attempt["size"] == "5120"
    assert attempt["header_list_id"] == "news"
    assert attempt["sender_ip"] == "192.0.2.1"


@pytest.mark.parametrize(
    ("slip", "meant"),
    [
        ("recipent", "recipient"),
        ("Recipient", "recipient"),
        ("senderid", "sendid"),
        ("mta_id", "mtaid"),
        ("is-first-attempt", "is_first_attempt"),
    ],
)
def test_a_misspelt_key_is_wrong_use_and_hints_at_the_right_one(shell, slip, meant):
    done = shell.run("decide", f"{slip}=x")
    assert (done.status, done.out) == (2, "")
    assert f"did you mean {meant}?" in done.err


@pytest.mark.parametrize(
    ("pair", "said"),
    [
        ("bob@example.com", "is not KEY=VALUE"),
        ("=x", "is not KEY=VALUE"),
        ("injtime=yesterday", "injtime must be a number"),
        ("injtime=", "injtime must be a number"),
        ("injtime=1e9", "injtime must be a number"),
        ("injtime=" + "9" * 5000, "injtime must be a number"),
        ("mtaid_exists=yes", "mtaid_exists must be true or false"),
    ],
)
def test_what_can_not_be_meant_so_is_wrong_use(shell, pair, said):
    done = shell.run("decide", pair)
    assert (done.status, done.out) == (2, "")
    assert said in done.err
    assert "Traceback" not in done.err


def test_a_key_that_is_given_twice_is_wrong_use(shell):
    done = shell.run("decide", "sendid=a", "sendid=b")
    assert done.status == 2
    assert "sendid is given more than once" in done.err


def test_bytes_that_are_not_utf_8_reach_the_hook_unharmed(shell):
    shell.write(
        "hook.py",
        "import os\n"
        "def pre_delivery_attempt(attempt):\n"
        "    if os.fsencode(attempt['recipient']) == b'j\\xf6rg@example.com':\n"
        "        return {'action': 'dump'}\n",
    )
    done = shell.run("decide", "--hook-file", "hook.py", b"recipient=j\xf6rg@example.com")
    assert done.lines == [{"action": "dump"}]


def test_an_exception_of_the_hook_is_a_temporary_failure_that_is_logged_and_exit_1(shell):
    shell.write("hook.py", "def pre_delivery_attempt():\n    raise ValueError('no \\n luck')\n")
    done = shell.run("decide", "--hook-file", "hook.py", "msguid=m]1", "recipient=a@b.example")
    assert (done.status, done.lines) == (1, [TEMPFAIL])
    assert (
        "error in pre_delivery_attempt_hook: msguid=[m\\]1], recipient=[a@b.example], error: "
        "Exception running pre_delivery_attempt_hook: ValueError: no \\x0a luck at "
    ) in done.err
    assert "hook.py line 2 (plugin file)" in done.err
    assert done.err.count("\n") == 1


def test_a_chain_that_can_not_be_built_temp_fails_and_says_why_and_what_to_do(shell):
    shell.write("hookframe.toml", 'hook_file = "hook.py"\n')
    shell.write("hook.py", "def pre_delivery_attempt(:\n")
    done = shell.run("decide", "--config", "hookframe.toml", "sendid=x")
    assert (done.status, done.lines) == (1, [TEMPFAIL])
    assert "error loading pre_delivery_attempt_hook: error compiling: SyntaxError" in done.err
    assert "hookframe check --config hookframe.toml" in done.err


def test_a_plugin_that_is_not_installed_temp_fails_and_names_it(shell):
    done = shell.run("decide", "--plugin", "no-such-plugin", "sendid=x")
    assert (done.status, done.lines) == (1, [TEMPFAIL])
    assert "no installed plugin is named 'no-such-plugin'" in done.err


def test_what_a_hook_prints_goes_to_the_log_with_its_name_and_not_among_decisions(shell):
    shell.write(
        "hook.py",
        "import os, subprocess, sys\n"
        "def pre_delivery_attempt():\n"
        "    print('one')\n"
        "    print('two', file=sys.stderr)\n"
        "    os.system('echo three')\n"
        "    sys.stdout.buffer.write(b'four\\n')\n"
        "    os.write(1, b'five\\n')\n",
    )
    done = shell.run("decide", "--hook-file", "hook.py", "sendid=x")
    assert done.lines == [{"action": "normal"}]
    for printed in ("plugin file: one", "plugin file: two", "three", "plugin file: four", "five"):
        assert printed in done.err


def test_the_log_has_no_colours_off_a_terminal(shell):
    shell.write("hook.py", "def pre_delivery_attempt():\n    1/0\n")
    assert "\x1b" not in shell.run("decide", "--hook-file", "hook.py", "sendid=x").err


@pytest.mark.parametrize(("variable", "coloured"), [(None, True), ("1", False)])
def test_the_log_has_colours_on_a_terminal_unless_no_color_is_set(shell, variable, coloured):
    if variable is not None:
        shell.environment["NO_COLOR"] = variable
    shell.write("hook.py", "def pre_delivery_attempt():\n    1/0\n")
    shown = shell.on_terminal("decide", "--hook-file", "hook.py", "sendid=x", streams=(2,))
    assert ("\x1b[" in shown.raw) is coloured
    assert "ERROR   error in pre_delivery_attempt_hook: " in shown.text
