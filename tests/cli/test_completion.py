"""`hookframe completion`, and what a shell gets by it."""

from __future__ import annotations

import shutil
import subprocess

import pytest


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_it_prints_a_script_for_the_shell(shell, name):
    done = shell.run("completion", name)
    assert (done.status, done.err) == (0, "")
    assert "_HOOKFRAME_COMPLETE" in done.out
    if shutil.which(name):
        subprocess.run([name, "-n"], input=done.out, text=True, check=True)


def test_another_shell_is_wrong_use_and_says_which_there_are(shell):
    done = shell.run("completion", "cmd")
    assert (done.status, done.out) == (2, "")
    assert "'bash', 'zsh', 'fish'" in done.err


@pytest.mark.parametrize(
    ("words", "completed"),
    [("hookframe de", {"decide", "demo"}), ("hookframe decide --addr", {"--address"})],
)
def test_a_shell_that_asks_gets_commands_and_options(shell, words, completed):
    shell.environment |= {
        "_HOOKFRAME_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    done = shell.run()
    assert done.status == 0
    assert {line.partition(",")[2] for line in done.out.splitlines()} == completed
