"""`hookframe decide` without arguments: a stream of attempts on standard input."""

from __future__ import annotations

import json
import os

import pytest

from hookframe.attempt import ATTEMPT_TYPES

from ..helpers.attempts import ATTEMPT, TEMPFAIL, attempt

ECHO = """\
def pre_delivery_attempt(attempt):
    if attempt["sendid"] == "crash":
        raise LookupError("no such campaign")
    return {"action": "new_mtaid", "new_mtaid": attempt["msguid"]}
"""


@pytest.fixture(autouse=True)
def _hook(shell):
    shell.write("hook.py", ECHO)


def stream(*attempts):
    return "".join(json.dumps(each) + "\n" for each in attempts).encode()


def routed(name):
    return {"action": "new_mtaid", "new_mtaid": name}


def decide(shell, stdin, *options):
    return shell.run("decide", "--hook-file", "hook.py", *options, stdin=stdin)


def test_each_line_gets_a_decision_in_order(shell):
    names = [f"m{number}" for number in range(500)]
    done = decide(shell, stream(*(attempt(msguid=name) for name in names)))
    assert (done.status, done.err) == (0, "")
    assert done.lines == [routed(name) for name in names]


def test_a_regular_file_is_read_as_a_pipe_is(shell):
    shell.write("attempts.jsonl", stream(attempt(msguid="a"), attempt(msguid="b")).decode())
    with (shell.directory / "attempts.jsonl").open("rb") as stdin:
        done = decide(shell, stdin)
    assert (done.status, done.lines) == (0, [routed("a"), routed("b")])


def test_an_empty_stream_is_fine(shell):
    done = decide(shell, b"")
    assert (done.status, done.out, done.err) == (0, "", "")


def test_blank_lines_are_skipped_and_a_last_line_without_newline_counts(shell):
    lines = b"\n  \r\n" + stream(attempt(msguid="a")) + b"\n" + json.dumps(ATTEMPT).encode()
    done = decide(shell, lines)
    assert (done.status, done.lines) == (0, [routed("a"), routed(ATTEMPT["msguid"])])


def test_windows_line_ends_and_a_byte_order_mark_are_forgiven(shell):
    line = json.dumps(attempt(msguid="a")).encode()
    done = decide(shell, b"\xef\xbb\xbf" + line + b"\r\n" + line + b"\r\n")
    assert (done.status, done.lines) == (0, [routed("a"), routed("a")])


@pytest.mark.parametrize("key", ATTEMPT_TYPES)
def test_all_nine_keys_are_required_and_the_missing_one_is_named_with_its_line(shell, key):
    broken = {name: value for name, value in ATTEMPT.items() if name != key}
    done = decide(shell, b"\n" + stream(broken, attempt(msguid="next")))
    assert (done.status, done.lines) == (1, [TEMPFAIL, routed("next")])
    assert f"Invalid attempt: line 2: {key} is missing" in done.err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"{", "line 2: the request is not JSON"),
        (b"[1, 2]", "line 2: an attempt is an object"),
        (b"null", "line 2: an attempt is an object"),
        (b"\xff\xfe\x00", "line 2: the request is not JSON"),
        (b"[" * 200_000, "line 2: the request is not JSON"),
        (stream(attempt(injtime="now")).strip(), "line 2: injtime must be"),
        (stream(attempt(mtaid_exists="yes")).strip(), "line 2: mtaid_exists must be"),
    ],
)
def test_a_malformed_line_temp_fails_names_itself_and_harms_no_other(shell, line, said):
    before, after = attempt(msguid="before"), attempt(msguid="after")
    done = decide(shell, stream(before) + line + b"\n" + stream(after))
    assert done.status == 1
    assert done.lines == [routed("before"), TEMPFAIL, routed("after")]
    assert said in done.err
    assert done.err.count("\n") == 1


def test_an_error_in_one_attempt_harms_no_other_and_is_exit_1(shell):
    done = decide(shell, stream(attempt(sendid="crash"), attempt(msguid="next")))
    assert (done.status, done.lines) == (1, [TEMPFAIL, routed("next")])
    assert "LookupError: no such campaign" in done.err


def test_a_stream_with_a_chain_that_can_not_be_built_temp_fails_line_by_line(shell):
    shell.write("hook.py", "x = 1\n")
    done = decide(shell, stream(*[ATTEMPT] * 300))
    assert (done.status, done.lines) == (1, [TEMPFAIL] * 300)
    logged = [line for line in done.err.splitlines() if "error loading" in line]
    assert 1 <= len(logged) < 300
    assert "defines no pre_delivery_attempt" in logged[0]


def test_an_empty_stream_with_a_chain_that_can_not_be_built_is_exit_1(shell):
    shell.write("hook.py", "x = 1\n")
    assert decide(shell, b"").status == 1


def test_a_value_that_is_not_utf_8_comes_back_as_an_escape(shell):
    line = json.dumps(attempt(recipient="j@x")).encode().replace(b"j@x", b"j\xf6@x")
    shell.write(
        "hook.py",
        "def pre_delivery_attempt(attempt):\n    raise ValueError(attempt['recipient'])\n",
    )
    done = decide(shell, line + b"\n", "--explain")
    assert "ValueError: j\\udcf6@x" in done.out
    assert "ValueError: j\udcf6@x" in done.lines[0]["trace"][0]["error"]


def test_a_message_beyond_ascii_comes_out_as_it_is(shell):
    shell.write(
        "hook.py",
        "def pre_delivery_attempt():\n    return "
        "{'action': 'dump', 'message': 'f\\u00fcr \\u4f8b'}\n",
    )
    done = decide(shell, stream(ATTEMPT))
    assert done.lines == [{"action": "dump", "message": "f\u00fcr \u4f8b"}]


def test_each_decision_comes_at_once_where_a_program_asks_and_waits(shell):
    with shell.start("decide", "--hook-file", "hook.py") as process:
        for name in ("a", "b", "c"):
            process.stdin.write(stream(attempt(msguid=name)))
            process.stdin.flush()
            assert json.loads(process.stdout.readline()) == routed(name)
        process.stdin.close()
        assert process.wait(50) == 0


def test_a_child_process_of_a_hook_eats_no_attempts(shell):
    shell.write(
        "hook.py",
        "import subprocess\n"
        "def pre_delivery_attempt(attempt):\n"
        "    assert subprocess.run(['cat'], capture_output=True).stdout == b''\n",
    )
    shell.write("attempts.jsonl", stream(*[ATTEMPT] * 3).decode())
    with (shell.directory / "attempts.jsonl").open("rb", buffering=0) as stdin:
        done = decide(shell, stdin)
    assert (done.status, done.lines) == (0, [{"action": "normal"}] * 3)


def test_a_change_of_the_file_during_a_run_changes_nothing(shell):
    with shell.start("decide", "--hook-file", "hook.py") as process:
        process.stdin.write(stream(attempt(msguid="before")))
        process.stdin.flush()
        assert json.loads(process.stdout.readline()) == routed("before")
        shell.write("hook.py", "def pre_delivery_attempt():\n    return {'action': 'dump'}\n")
        out, _ = process.communicate(stream(attempt(msguid="after")), timeout=50)
    assert json.loads(out) == routed("after")


def test_the_state_is_one_for_the_whole_stream(shell):
    shell.write(
        "hook.py",
        "def pre_delivery_attempt(state):\n"
        "    state['seen'] = state.get('seen', 0) + 1\n"
        "    return {'action': 'new_mtaid', 'new_mtaid': state['seen']}\n",
    )
    done = decide(shell, stream(*[ATTEMPT] * 3))
    assert done.lines == [routed("1"), routed("2"), routed("3")]


def test_with_a_terminal_for_its_input_and_no_arguments_both_ways_are_told(shell):
    shown = shell.on_terminal("decide", streams=(0,))
    assert (shown.status, shown.out) == (2, "")
    assert "hookframe decide recipient=bob@example.com" in shown.err
    assert "hookframe decide < attempts.jsonl" in shown.err


def test_a_progress_bar_shows_on_a_terminal_while_decisions_go_elsewhere(shell):
    shell.write("attempts.jsonl", stream(*[ATTEMPT] * 2000).decode())
    with (shell.directory / "attempts.jsonl").open("rb") as stdin:
        shown = shell.on_terminal("decide", "--hook-file", "hook.py", streams=(2,), stdin=stdin)
    assert shown.status == 0
    assert shown.out.count("\n") == 2000
    assert "attempts" in shown.text
    assert "2000 decided" in shown.text


def test_the_progress_bar_works_for_a_pipe_too_and_the_log_stands_above_it(shell):
    attempts = stream(ATTEMPT, attempt(sendid="crash"))
    shown = shell.on_terminal("decide", "--hook-file", "hook.py", streams=(2,), stdin=attempts)
    assert shown.status == 1
    assert "2 decided" in shown.text
    assert "LookupError: no such campaign" in shown.text


@pytest.mark.parametrize("streams", [(1, 2), (1,), ()])
def test_there_is_no_progress_bar_beside_decisions_or_off_a_terminal(shell, streams):
    shown = shell.on_terminal(
        "decide", "--hook-file", "hook.py", streams=streams, stdin=stream(ATTEMPT)
    )
    assert shown.status == 0
    assert "decided" not in shown.text + shown.err


def test_a_stream_of_a_hundred_thousand_empty_lines_is_nothing(shell):
    done = decide(shell, b"\n" * 100_000 + os.linesep.encode())
    assert (done.status, done.out) == (0, "")
