"""`hookframe.log.stderr`: standard error, whatever a plugin does to it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import subprocess
import sys

import pytest

HEAD = """
import os, socket, sys
from hookframe.log.stderr import StandardError, open_standard_error
sink = open_standard_error()
"""


def run(program, **more):
    """Run a program; return what it wrote to standard error."""
    done = subprocess.run(
        [sys.executable, "-c", HEAD + program],
        stderr=subprocess.PIPE,
        check=True,
        timeout=30,
        **more,
    )
    return done.stderr.decode()


@pytest.mark.parametrize(
    "mischief",
    [
        "pass",
        "os.close(2)",
        "sys.stderr = open(os.devnull, 'w')",
        "sys.stderr.close()",
        "os.dup2(os.open(os.devnull, os.O_WRONLY), 2)",
        "os.closerange(0, 256)",
        "os.closerange(3, 4096)",
    ],
)
def test_a_line_reaches_standard_error(mischief):
    assert run(f"{mischief}\nsink.write('hello \u20ac\\n')") == "hello \u20ac\n"


def test_where_every_descriptor_is_closed_no_stranger_gets_a_line():
    program = """
os.closerange(0, 4096)
ours, theirs = socket.socketpair()
for number in range(1200):
    os.dup2(theirs.fileno(), number + 2)
sink.write("hello\\n")
ours.setblocking(False)
try:
    os._exit(1 if ours.recv(100) else 2)
except BlockingIOError:
    os._exit(0)
"""
    assert run(f"import resource\nresource.setrlimit(7, (4096, 4096))\n{program}") == ""


def test_a_stream_of_the_programs_own_is_written_to():
    program = """
import io
sys.stderr = io.StringIO()
open_standard_error().write("hello\\n")
os._exit(sys.stderr.getvalue() != "hello\\n")
"""
    assert run(program) == ""


def test_where_there_is_no_standard_error_nothing_is_written():
    assert run("sys.stderr = None\nopen_standard_error().write('hello\\n')") == ""


def test_letters_that_the_encoding_lacks_are_escaped():
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    assert run("sink.write('\\u20ac\\n')", env=environment) == "\\u20ac\n"


def test_somebody_reads_along_on_a_terminal_only():
    program = HEAD + "os._exit(0 if sink.isatty() else 1)"
    ours, theirs = pty.openpty()
    on_a_terminal = subprocess.run([sys.executable, "-c", program], stderr=theirs, check=False)
    on_a_pipe = subprocess.run([sys.executable, "-c", program], stderr=subprocess.PIPE, check=False)
    os.close(ours)
    os.close(theirs)
    assert (on_a_terminal.returncode, on_a_pipe.returncode) == (0, 1)


@pytest.mark.slow
def test_a_reader_that_hangs_stops_nobody_and_learns_later_what_it_missed():
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 65536)
    program = """
for number in range(1000):
    sink.write(f"{number} {'x' * 9000}\\n")
print(flush=True)
sys.stdin.read(1)
sink.write("at last\\n")
"""
    writer = subprocess.Popen(
        [sys.executable, "-c", HEAD + program],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=writing,
    )
    os.close(writing)
    assert writer.stdout.read(1) == b"\n"
    with os.fdopen(reading, encoding="utf-8") as pipe:
        text = os.read(reading, 65536).decode()
        writer.communicate(b"!", timeout=30)
        text += pipe.read()
    *lines, lost, last = text.splitlines()
    whole = [line for line in lines if len(line.split()[-1]) == 9000]
    assert [line.split()[0] for line in whole] == [str(number) for number in range(len(whole))]
    assert 0 < len(whole) <= len(lines) <= len(whole) + 1
    assert re.fullmatch(
        rf"[-0-9]+ [0-9:.]+ WARNING {1000 - len(whole)} lines of the log lost: "
        "standard error was not read",
        lost,
    )
    assert last == "at last"


def test_a_reader_that_has_gone_stops_nobody():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(
        [sys.executable, "-c", HEAD + "for _ in range(9): sink.write('hello\\n')"],
        stderr=writing,
        check=False,
        timeout=30,
    )
    os.close(writing)
    assert done.returncode == 0
