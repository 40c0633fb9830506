"""`hookframe.files.descriptors`: standard streams that a plugin closes or replaces."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

HEAD = """
import json, os, socket
from hookframe.files.descriptors import StandardStreams

def kind(number):
    try:
        return os.readlink(f"/proc/self/fd/{number}").split(":")[0]
    except OSError:
        return "closed"

def kinds():
    return [kind(number) for number in range(3)]

before = kinds()
streams = StandardStreams()
found = []
"""
TAIL = """
found.append(streams.restore())
found.append(streams.restore())
os.write(1, (json.dumps([before, kinds(), found]) + "\\n").encode())
os.write(2, b"seen\\n")
"""


def run(program, *, closed=""):
    """Run a program; return its standard streams before and after, what was put back, and so on."""
    command = [sys.executable, "-c", HEAD + program + TAIL]
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {closed}', "sh", *command],
        input="",
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )


@pytest.mark.parametrize(
    ("program", "restore"),
    [
        ("", []),
        ("os.close(1)", [1]),
        ("os.closerange(0, 3)", [0, 1, 2]),
        ("os.dup2(0, 2)", [2]),
        ("os.close(1)\nclient = socket.socket()", [1]),
        ("os.closerange(0, 3)\nclients = [socket.socket() for _ in range(3)]", [0, 1, 2]),
    ],
)
def test_what_was_closed_or_replaced_is_put_back_once(program, restore):
    done = run(program)
    before, after, found = json.loads(done.stdout)
    assert found == [restore, []]
    assert after[1:] == before[1:] == ["pipe", "pipe"]
    assert after[0] == ("/dev/null" if 0 in restore else "pipe")
    assert done.stderr == "seen\n"


def test_where_the_copies_are_closed_too_no_socket_can_take_the_place():
    program = f"{HEAD}os.closerange(0, 4096)\nsocket.socket()\nclient = socket.socket()"
    program += "\nfound = streams.restore()\nos._exit(kinds() != ['/dev/null'] * 3)"
    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=30)
    assert done.returncode == 0


def test_what_is_closed_at_the_start_is_opened_on_nothing():
    done = run("", closed="<&-")
    before, after, found = json.loads(done.stdout)
    assert before == ["closed", "pipe", "pipe"]
    assert after == ["/dev/null", "pipe", "pipe"]
    assert found == [[], []]


def test_a_program_that_is_started_gets_the_streams_and_no_copy():
    program = HEAD + "os.close(1)\nstreams.restore()\nos.execvp('ls', ['ls', '/proc/self/fd'])"
    done = subprocess.run(
        [sys.executable, "-c", program],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    assert done.stdout.split() == ["0", "1", "2", "3"]  # 3 is the directory that ls reads


def test_a_limit_of_few_files_is_no_obstacle():
    program = "import resource\nresource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))\n" + HEAD
    program += "found = os.close(2)\nos._exit(streams.restore() != (2,))"
    done = subprocess.run([sys.executable, "-c", program], check=False, timeout=30)
    assert done.returncode == 0
    assert os.fstat(0)
