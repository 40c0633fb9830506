"""`hookframe.compiler`: an interpreter that waits for the next large file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import pytest

from hookframe import Host
from hookframe.compiler import Compiler, compiled
from hookframe.config import Config
from hookframe.testing import eventually

from ..helpers.processes import gone, processes
from ..helpers.wait import for_a_while
from .test_compiler import HOOK, PATH, large

NAME = "hookframe-comp"
NEXT = large("def pre_delivery_attempt(attempt): return {'action': 'pause', 'message': 'next'}\n")


def waiting(parent=None):
    """The processes of this name that a process has started, zombies included."""
    parent = os.getpid() if parent is None else parent
    return {each.pid for each in processes() if (each.parent, each.name) == (parent, NAME)}


def memory():
    """The descriptor of the memory that this process shares with the one that waits."""
    (found,) = (
        each
        for each in list(Path("/proc/self/fd").iterdir())
        if each.is_symlink() and "memfd:hook file" in str(each.readlink())
    )
    return int(found.name)


@pytest.fixture
def compiler():
    compiler = Compiler()
    yield compiler
    compiler.forget()
    compiler.make_ready(b"")
    assert not waiting()


def made_ready(compiler):
    """Have a process wait, as after any load of a large file; give its number."""
    compiler.make_ready(bytes(bytearray(HOOK)))
    (pid,) = eventually(waiting)
    return pid


def elsewhere(compiler, content=NEXT):
    compiler.begin(content, PATH)
    return compiler.code(content, PATH)


def test_the_next_file_is_compiled_by_the_process_that_waits(compiler, monkeypatch):
    expected = compiled(NEXT, PATH)
    pid = made_ready(compiler)
    monkeypatch.setattr("hookframe.compiler.compiled", None)
    monkeypatch.setattr(sys, "executable", "/nowhere/python3")
    assert elsewhere(compiler) == expected
    assert gone(pid)


@pytest.mark.parametrize("content", [b"", b"small = 1\n"])
def test_nobody_waits_for_small_files(compiler, content):
    compiler.make_ready(content)
    assert not waiting()
    pid = made_ready(compiler)
    compiler.make_ready(content)
    assert gone(pid)


def test_one_that_was_killed_is_missed_by_nobody(compiler):
    pid = made_ready(compiler)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: gone(pid))
    assert elsewhere(compiler) == compiled(NEXT, PATH)


def test_one_that_was_killed_is_not_started_again_and_again(compiler):
    compiler.make_ready(HOOK)
    (pid,) = eventually(waiting)
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: gone(pid))
    for _ in range(3):
        compiler.make_ready(HOOK)
        assert not waiting()
    compiler.make_ready(NEXT)
    eventually(waiting)


def test_one_that_is_stopped_is_not_waited_for_for_ever(compiler, monkeypatch):
    monkeypatch.setattr("hookframe.interpreter._PATIENCE", 0.05)
    pid = made_ready(compiler)
    os.kill(pid, signal.SIGSTOP)
    assert elsewhere(compiler) == compiled(NEXT, PATH)
    assert gone(pid)


def test_an_error_and_a_warning_have_the_same_words_as_ever(compiler):
    broken = large("def pre_delivery_attempt(attempt):\n    return {'action': 'pause'\n")
    with pytest.raises(SyntaxError) as here:
        compiled(broken, PATH)
    made_ready(compiler)
    with pytest.raises(SyntaxError) as there:
        elsewhere(compiler, broken)
    assert there.value.args == here.value.args
    made_ready(compiler)
    with pytest.warns(SyntaxWarning, match="with"):
        elsewhere(compiler, large("SAME = 1 is 1\n"))


def test_a_descriptor_that_somebody_has_closed_ends_it_and_no_stranger_is_written_to(
    compiler, tmp_path
):
    pid = made_ready(compiler)
    number = memory()
    os.close(number)
    eventually(lambda: gone(pid))
    stranger = tmp_path / "stranger"
    opened = os.open(stranger, os.O_RDWR | os.O_CREAT)
    if opened != number:
        os.dup2(opened, number)
    assert elsewhere(compiler) == compiled(NEXT, PATH)
    compiler.make_ready(b"")
    assert os.fstat(number).st_ino == stranger.stat().st_ino
    assert stranger.read_bytes() == b""
    for each in {opened, number}:
        os.close(each)


@pytest.mark.slow
def test_a_program_whose_host_has_a_large_file_gets_no_lasting_child(tmp_path):
    file = tmp_path / "hook.py"
    file.write_bytes(HOOK)
    with Host.of(Config(hook_file=str(file))) as host:
        file.write_bytes(NEXT)
        eventually(lambda: host.generation.number == 2)
        assert not any(for_a_while(0.2, waiting))
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, 0)


PROGRAM = """
import os, pathlib, sys, time
from hookframe.compiler import Compiler

compiler = Compiler()
compiler.make_ready(pathlib.Path(sys.argv[1]).read_bytes())
print("ready", flush=True)
command = sys.stdin.readline().strip()
if command == "fork":
    if os.fork() == 0:
        print(os.getpid(), flush=True)
        time.sleep(1000)
    time.sleep(1000)
elif command == "fork and go on there":
    child = os.fork()
    if child == 0:
        print(os.getpid(), flush=True)
        compiler.make_ready(b"")
        os._exit(0)
    os.waitpid(child, 0)
    print("closed there", flush=True)
    time.sleep(1000)
"""


@pytest.fixture
def program(tmp_path):
    """A program in which a large file is in use, and the process that waits for the next one."""
    file = tmp_path / "hook.py"
    file.write_bytes(HOOK)
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", dedent(PROGRAM), str(file)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stdout.readline() == "ready\n"
        (pid,) = eventually(lambda: waiting(running.pid))
        yield running, pid
        running.kill()


def tell(running, command):
    running.stdin.write(f"{command}\n")
    running.stdin.flush()
    return running.stdout.readline().strip()


def test_it_ends_with_a_program_that_ends_without_a_word(program):
    running, pid = program
    _, complaints = running.communicate("\n")
    assert running.returncode == 0
    assert "Warning" not in complaints
    eventually(lambda: gone(pid))


def test_it_ends_with_a_program_that_is_killed(program):
    running, pid = program
    running.kill()
    eventually(lambda: gone(pid))


def test_it_ends_with_a_program_that_is_killed_and_has_left_a_child_behind(program):
    running, pid = program
    child = int(tell(running, "fork"))
    try:
        running.kill()
        eventually(lambda: gone(pid))
        assert not gone(child)
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_child_that_a_program_forks_does_not_end_it(program):
    running, pid = program
    tell(running, "fork and go on there")
    assert running.stdout.readline() == "closed there\n"
    assert waiting(running.pid) == {pid}
    assert not gone(pid)
