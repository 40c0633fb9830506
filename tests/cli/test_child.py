"""A policy that ends, hangs or leaves the process that tries it is named, with exit status 1."""

from __future__ import annotations

import json
import os
from mmap import PAGESIZE, mmap

import pytest

from hookframe.cli.child import Phase

QUIET = "def pre_delivery_attempt(attempt):\n    return None\n"
ENDS = {
    "exits": ("import os; os._exit(0)\n", "it exited with status 0"),
    "becomes another program": (
        "import os; os.execv('/bin/true', ['true'])\n",
        "it exited with status 0",
    ),
    "crashes": ("import os; os.abort()\n", "it was killed by SIGABRT"),
}
COMMANDS = {
    "check": ["check"],
    "serve --check": ["serve", "--check"],
    "decide": ["decide", "recipient=a@example.net"],
}
CONFIG = """\
hook_file = "hook.py"
listen = "unix:/run/never"
[limits]
load_time = "300ms"
"""
every_command = pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS)


@every_command
@pytest.mark.parametrize(("code", "how"), ENDS.values(), ids=ENDS)
def test_a_policy_that_ends_its_process_as_it_loads_is_named(shell, command, code, how):
    shell.write("hookframe.toml", CONFIG)
    shell.write("hook.py", code + QUIET)
    done = shell.run(*command)
    assert done.status == 1
    assert done.out == ""
    assert (
        f"the policy has ended the process that tried it: {how} while running "
        f"{shell.directory}/hook.py\n"
    ) in done.err


@every_command
def test_a_policy_that_does_not_end_loading_is_named_after_load_time(shell, command):
    shell.write("hookframe.toml", CONFIG)
    shell.write("hook.py", f"import time; time.sleep(60)\n{QUIET}")
    done = shell.run(*command)
    assert done.status == 1
    assert (
        "the policy did not come to an end within 0.3 s (limits.load_time) while running "
        f"{shell.directory}/hook.py; the process that tried it was killed\n"
    ) in done.err


def test_as_json_it_is_a_problem_like_others(shell):
    shell.write("hook.py", f"import os; os._exit(3)\n{QUIET}")
    done = shell.run("check", "--json", "hook.py")
    report = json.loads(done.out)
    assert (done.status, report["ok"]) == (1, False)
    assert "it exited with status 3 while running" in report["problems"][0]["text"]


def test_a_hook_that_ends_its_process_in_a_sample_attempt_is_named_with_the_sample(shell):
    shell.write(
        "hook.py",
        "import os\ndef pre_delivery_attempt(attempt):\n"
        "    if not attempt['sender']: os._exit(0)\n",
    )
    done = shell.run("check", "hook.py")
    assert done.status == 1
    assert "it exited with status 0 while deciding about a sample: " in done.err


def test_what_the_policy_printed_before_its_end_is_shown(shell):
    shell.write("hook.py", f"import os; print('first', flush=True); os._exit(0)\n{QUIET}")
    assert "first" in shell.run("check", "hook.py").err


def test_no_phase_looks_overdue_while_it_is_changed():
    phase = Phase(mmap(-1, PAGESIZE))
    child = os.fork()
    if child == 0:
        for number in range(20_000):
            phase(f"importing {number}" * (number % 3 + 1))
            phase("")
        os._exit(0)
    looks = [phase.is_overdue(30)]
    while os.waitpid(child, os.WNOHANG) == (0, 0):
        looks.append(phase.is_overdue(30))
    assert len(looks) > 100
    assert not any(looks)
