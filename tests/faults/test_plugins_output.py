"""A hook that prints more than anybody wants to read."""

from __future__ import annotations

import re

import pytest

from hookframe.testing import eventually

from .accounts import POLICY, under_load
from .policies import names

LIMIT = "[limits]\noutput_lines = 20\n"
MEBIBYTE = 1 << 20
LINES = 100_000
PRINTING = f"""
import sys

def lines():
    for _ in range({LINES}):
        print("x" * 100)

def lines_at_once():
    print(("x" * 100 + "\\n") * {LINES}, end="")

def lines_as_errors():
    for _ in range({LINES}):
        sys.stderr.write("x" * 100 + "\\n")

def lines_as_bytes():
    for _ in range({LINES}):
        sys.stdout.buffer.write(b"x" * 100 + b"\\n")
"""
ENDLESS = f"""
import sys

def one_line():
    for _ in range(1000):
        print("x" * {MEBIBYTE // 10}, end="")

def one_line_at_once():
    sys.stdout.write("x" * {100 * MEBIBYTE})
"""


@pytest.mark.parametrize("name", names(PRINTING))
def test_of_what_a_hook_prints_so_many_lines_a_second_are_logged_and_the_others_counted(
    fresh, name
):
    daemon = fresh().with_policy(PRINTING, LIMIT, deadline="1h")
    worker = daemon.worker()
    with under_load(daemon) as accounts:
        assert accounts.fault(name) is POLICY
        eventually(lambda: daemon.logged("plugin file: x") + left_out(daemon) == LINES)
    assert set(accounts.outcomes) == {POLICY}
    assert len(daemon.output) < MEBIBYTE
    assert daemon.worker() == worker


@pytest.mark.parametrize("name", names(ENDLESS))
def test_a_line_without_an_end_fills_neither_the_memory_nor_the_log(fresh, name):
    daemon = fresh().with_policy(ENDLESS, LIMIT, deadline="1h")
    worker = daemon.worker()
    with under_load(daemon) as accounts:
        assert accounts.fault(name) is POLICY
        before = daemon.resident(worker)
        assert accounts.fault(name) is POLICY
        assert daemon.resident(worker) - before < 20 * MEBIBYTE
    assert set(accounts.outcomes) == {POLICY}
    assert len(daemon.output) < MEBIBYTE


def left_out(daemon) -> int:
    """The sum of all lines that the log says were left out."""
    return sum(
        int(each) for each in re.findall(r"plugin file: (\d+) more lines? left out", daemon.output)
    )
