"""`hookframe` itself: help, version, what is imported, and how every command ends."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from hookframe import __version__
from hookframe.testing import eventually

from ..helpers.shell import PROGRAM

COMMANDS = [
    "init",
    "decide",
    "check",
    "plugins",
    "serve",
    "status",
    "demo",
    "schema",
    "completion",
    "new",
    "verify",
]
PRINTS = "def pre_delivery_attempt(attempt):\n    return None\n"


def imported(shell, *arguments, stdin=b""):
    program = (sys.executable, "-X", "importtime", "-m", "hookframe")
    done = shell.run(*arguments, program=program, stdin=stdin)
    lines = [line for line in done.err.splitlines() if line.startswith("import time:")]
    assert lines
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def test_version_says_the_version(shell):
    done = shell.run("--version")
    assert (done.status, done.out, done.err) == (0, f"hookframe {__version__}\n", "")


def test_version_imports_nothing_heavy(shell):
    names = imported(shell, "--version")
    assert not names & {"click", "pluggy", "loguru", "msgspec", "rich", "importlib_metadata"}


def test_version_beside_another_option_says_the_same(shell):
    assert shell.run("--version", "--help").out == f"hookframe {__version__}\n"


def test_decide_imports_only_what_it_needs(shell):
    shell.write("hook.py", PRINTS)
    names = imported(shell, "decide", "--hook-file", "hook.py", "sendid=x")
    assert "click" in names
    assert not names & {"watchdog", "rich", "asyncio", "loguru", "uvloop"}


def test_decide_imports_no_more_for_a_stream_with_errors_and_a_trace(shell):
    shell.write("hook.py", "def pre_delivery_attempt():\n    raise ValueError\n")
    names = imported(shell, "decide", "--explain", "--hook-file", "hook.py", stdin=b"{}\n[]\nx\n")
    assert not names & {"watchdog", "rich", "asyncio", "loguru", "uvloop"}


@pytest.mark.parametrize("option", ["--help", "-h"])
def test_help_lists_every_command_with_what_it_does_and_imports_none(shell, option):
    done = shell.run(option)
    assert done.status == 0
    for command in COMMANDS:
        assert f"\n  {command} " in done.out
    assert "pluggy" not in imported(shell, option)


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_a_help_with_an_example(shell, command):
    done = shell.run(command, "-h")
    assert done.status == 0
    assert f"    hookframe {command}" in done.out


@pytest.mark.parametrize("command", ["decide", "check", "plugins", "serve", "status"])
def test_every_command_that_uses_a_policy_has_the_options_that_name_one(shell, command):
    done = shell.run(command, "-h")
    for common in ("--config FILE", "--hook-file FILE", "--plugin NAME", "$HOOKFRAME_CONFIG"):
        assert common in done.out


def test_help_is_not_coloured_off_a_terminal(shell):
    assert "\x1b" not in shell.run("decide", "--help").out


def test_without_a_command_the_help_is_shown_as_wrong_use(shell):
    done = shell.run()
    assert done.status == 2
    assert done.err == shell.run("--help").out


def test_a_misspelt_command_is_wrong_use_and_hints_at_the_right_one(shell):
    done = shell.run("decied")
    assert (done.status, done.out) == (2, "")
    assert "Did you mean decide?" in done.err


def test_an_unknown_command_is_wrong_use_and_lists_the_known_ones(shell):
    done = shell.run("frobnicate")
    assert done.status == 2
    assert ", ".join(COMMANDS) in done.err


def test_an_unknown_option_is_wrong_use(shell):
    done = shell.run("decide", "--explian", "sendid=x")
    assert done.status == 2
    assert "--explain" in done.err
    assert "Traceback" not in done.err


def test_a_common_option_before_the_command_is_wrong_use_and_says_where_it_belongs(shell):
    done = shell.run("--config", "x.toml", "decide", "sendid=x")
    assert done.status == 2
    assert "hookframe decide --config" in done.err


def test_a_reader_that_goes_away_ends_the_command_quietly(shell):
    attempts = b"{}\n" * 100_000
    shell.write("attempts.jsonl", attempts.decode())
    with (shell.directory / "attempts.jsonl").open("rb") as stdin:
        process = shell.start("decide", stdin=stdin, stderr=subprocess.DEVNULL)
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(50) == 141


def test_a_reader_that_goes_away_leaves_nothing_on_standard_error(shell):
    process = shell.start("schema", "decision", stdout=subprocess.PIPE)
    process.stdout.close()
    _, err = process.communicate(timeout=50)
    assert err == b""


def test_a_full_disk_is_one_sentence(shell):
    with Path("/dev/full").open("wb") as full:
        done = shell.run("decide", "sendid=x", stdout=full)
    assert done.status == 1
    assert os.strerror(errno.ENOSPC) in done.err
    assert "Traceback" not in done.err


def test_ctrl_c_while_a_hook_runs_ends_quietly_with_130(shell):
    shell.write(
        "hook.py",
        "import time\n"
        "def pre_delivery_attempt():\n"
        "    open('running', 'w').close()\n"
        "    time.sleep(60)\n",
    )
    process = shell.start("decide", "--hook-file", "hook.py", "sendid=x")
    wait_for(shell.directory / "running", process)
    process.send_signal(signal.SIGINT)
    assert ended(process) == (130, b"", b"")


def test_ctrl_c_while_a_stream_waits_keeps_what_was_decided(shell):
    process = shell.start("decide")
    process.stderr.readline()  # that the chain is empty
    process.stdin.write(b"{}\n")
    process.stdin.flush()
    assert b'"error":true' in process.stdout.readline()
    process.stderr.readline()  # what is wrong with the line
    process.send_signal(signal.SIGINT)
    assert ended(process) == (130, b"", b"")


def test_ctrl_c_while_the_chain_is_built_ends_quietly_with_130(shell):
    shell.write("hook.py", "import time\nopen('running', 'w').close()\ntime.sleep(60)\n")
    process = shell.start("check", "hook.py")
    wait_for(shell.directory / "running", process)
    process.send_signal(signal.SIGINT)
    assert ended(process) == (130, b"", b"")


def test_a_command_in_the_background_of_a_script_ignores_ctrl_c_as_its_shell_wants(shell):
    shell.write(
        "hook.py",
        "import os, signal\ndef pre_delivery_attempt():\n    os.kill(os.getpid(), signal.SIGINT)\n",
    )
    program = ("sh", "-c", 'trap "" INT; exec "$@"', "sh", *PROGRAM)
    done = shell.run("decide", "--hook-file", "hook.py", "sendid=x", program=program)
    assert (done.status, done.lines) == (0, [{"action": "normal"}])


def test_what_the_encoding_of_the_output_lacks_is_escaped(shell):
    shell.environment["PYTHONIOENCODING"] = "latin-1"
    shell.write("hook-\u4f8b.py", PRINTS)
    done = shell.run("check", "hook-\u4f8b.py")
    assert done.status == 0
    assert "hook-\\u4f8b.py" in done.out


def test_a_path_that_is_not_utf_8_is_escaped(shell):
    (shell.directory / "hook-\udcff.py").write_text(PRINTS)
    done = shell.run("check", "hook-\udcff.py")
    assert done.status == 0
    assert "hook-\\udcff.py" in done.out


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-"])
def test_a_closed_stream_gives_no_traceback(shell, closed):
    program = ("sh", "-c", f'exec "$@" {closed}', "sh", *PROGRAM)
    done = shell.run("decide", "sendid=x", program=program)
    assert "Traceback" not in done.err + done.out


def wait_for(path, process):
    eventually(lambda: path.exists() or process.poll() is not None)
    assert path.exists(), process.communicate()


def ended(process):
    out, err = process.communicate(timeout=50)
    return process.returncode, out, err
