"""`hookframe.log.pipe` and `hookframe.log.writer`: many processes log, one writes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap
import threading
from time import monotonic

import pytest

from hookframe.config.model import LogTable
from hookframe.log import pipe as log_pipe
from hookframe.log.pipe import LogPipe, PipeReader, PipeSink
from hookframe.log.writer import LogWriter
from hookframe.testing import eventually

from ..helpers.log import logged_in

LONG = "é" * 30_000
LOST = re.compile(
    r"WARNING ([0-9]+) lines? of the log lost: the process that writes them does not keep up"
)


class Terminal:
    """Standard error."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        """Keep a text."""
        self.text += text


@pytest.fixture
def pipe():
    """An open pipe."""
    pipe = LogPipe.open()
    yield pipe
    os.close(pipe.reading)
    while (descriptor := pipe.writing.descriptor) is not None:
        os.close(descriptor)


@pytest.fixture
def read(pipe):
    """A function that reads all lines that are in the pipe, without their times."""
    lines = []
    reader = PipeReader(pipe.reading, lines.append)

    def read_all(*, torn=False):
        while reader.read():
            pass
        reader.pass_on_torn(force=torn)
        found = [re.fullmatch(r"@[0-9a-f]{24} (.*)", line)[1] for line in lines]
        lines.clear()
        return found

    return read_all


@pytest.fixture
def sink(pipe):
    """What a process logs to."""
    return PipeSink(pipe, Terminal())


def forked(function):
    """Run a function in a forked child, which is killed after it; return its process id."""
    child = os.fork()
    if child == 0:
        try:
            function()
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    return child


# The pipe


@pytest.mark.parametrize("text", ["", "short", "x" * 4064, "x" * 4065, LONG])
def test_a_line_of_any_length_arrives_as_it_was(sink, read, text):
    sink.write(f"INFO    {text}\n")
    sink.write("INFO    next\n")
    assert read() == [f"INFO    {text}", "INFO    next"]


def test_a_line_has_the_time_at_which_it_was_logged(pipe, sink):
    lines = []
    for _ in range(2):
        sink.write("x\n")
    PipeReader(pipe.reading, lines.append).read()
    assert len(set(lines)) == 2
    assert lines == sorted(lines)


def test_nothing_in_a_line_breaks_its_frame(sink, read):
    sink.write("a\x03\x021 3 b\nc\x00\udc80\n")
    sink.write("next\n")
    assert read() == ["a\\x03\\x021 3 b\\x0ac\\x00\\udc80", "next"]


WRITER = """
import os, sys
from hookframe.log.pipe import LogPipe, PipeSink
sink = PipeSink(LogPipe(-1, int(sys.argv[1])), sys.stderr)
print(flush=True)
sys.stdin.read(1)
"""


def start_writer(pipe, program, *arguments):
    """Start a process that logs when it is told to."""
    writer = subprocess.Popen(
        [
            sys.executable,
            "-c",
            WRITER + textwrap.dedent(program),
            str(pipe.writing.descriptor),
            *arguments,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=[pipe.writing.descriptor],
    )
    assert writer.stdout.readline() == b"\n"
    return writer


def test_lines_of_processes_that_write_at_once_are_not_mixed(pipe, read):
    program = """
    for number in range(300):
        sink.write(f"{sys.argv[2]} {number} {'x' * (number * 37 % 9000)}\\n")
        if number % 20 == 19:
            print(flush=True)
            sys.stdin.read(1)
    """
    writers = [start_writer(pipe, program, name) for name in "abc"]
    lines = []
    for _ in range(15):
        for writer in writers:
            writer.stdin.write(b"!")
            writer.stdin.flush()
        for writer in writers:
            assert writer.stdout.readline() == b"\n"
        lines += read()
    assert sorted(lines) == sorted(
        f"{name} {number} {'x' * (number * 37 % 9000)}" for name in "abc" for number in range(300)
    )
    for writer in writers:
        writer.communicate(timeout=30)


def test_of_a_writer_that_is_killed_within_a_line_the_beginning_arrives(pipe, sink, read):
    """SIGKILL between two frames, which no handler can tidy up."""

    def write_half():
        write = os.write
        count = iter(range(3))

        def write_and_die(*what):
            if next(count) == 2:
                os.kill(os.getpid(), signal.SIGKILL)
            return write(*what)

        log_pipe.os = type("os", (), {"write": write_and_die, "getpid": os.getpid})
        sink.write(f"from the dead {LONG}\n")

    forked(write_half)
    sink.write("from the living\n")
    assert read() == ["from the living"]
    [torn] = read(torn=True)
    assert re.fullmatch(r"from the dead é+.* … \(the rest of this line is lost\)", torn)
    assert 4000 < len(torn.encode()) < 9000


def test_the_beginning_of_a_torn_line_arrives_after_a_second(pipe, monkeypatch):
    now, lines = [100.0], []
    monkeypatch.setattr(log_pipe, "monotonic", lambda: now[0])
    reader = PipeReader(pipe.reading, lines.append)
    os.write(pipe.writing.descriptor, b"\x021 1 torn\x03")
    reader.read()
    now[0] += 0.9
    reader.pass_on_torn()
    assert lines == []
    now[0] += 0.1
    reader.pass_on_torn()
    assert lines == ["torn … (the rest of this line is lost)"]


def test_a_new_line_of_a_process_ends_its_torn_one(pipe, read):
    lines = []
    reader = PipeReader(pipe.reading, lines.append)
    os.write(pipe.writing.descriptor, b"\x021 1 torn\x03\x021 3 whole\x03")
    reader.read()
    assert lines == ["torn … (the rest of this line is lost)", "whole"]


@pytest.mark.parametrize("cut", range(1, 30))
def test_a_second_reader_that_begins_anywhere_finds_the_next_line(pipe, sink, read, cut):
    sink.write("one\n")
    sink.write("two\n")
    os.read(pipe.reading, cut)
    assert read()[-1] == "two"


def test_a_full_pipe_costs_lines_which_are_counted_and_never_waits(pipe, sink, read):
    for number in range(20_000):
        sink.write(f"line {number} {'x' * 100}\n")
    arrived = read()
    assert 5_000 < len(arrived) < 20_000
    assert arrived == [f"line {number} {'x' * 100}" for number in range(len(arrived))]
    sink.write("next\n")
    lost, next_line = read()
    assert int(LOST.fullmatch(lost)[1]) == 20_000 - len(arrived)
    assert next_line == "next"
    sink.report_lost()
    assert read() == []


def test_what_was_lost_is_said_as_soon_as_somebody_reads(sink, read):
    for length in (1000, 0):  # until there is no room for the report
        for _ in range(2000):
            sink.write("x" * length)
    read()
    sink.report_lost()
    assert LOST.fullmatch(read()[-1])


def test_a_child_does_not_count_what_its_parent_has_lost(pipe, sink, read):
    for _ in range(20_000):
        sink.write("x" * 100)
    read(torn=True)
    forked(lambda: sink.write("child"))
    sink.write("parent")
    child, lost, parent = read()
    assert (child, parent) == ("child", "parent")
    assert LOST.fullmatch(lost)


def test_a_forked_child_has_lines_of_its_own(pipe, sink, read):
    forked(lambda: sink.write(f"child {LONG}"))
    sink.write("parent")
    assert read() == [f"child {LONG}", "parent"]


@pytest.mark.parametrize("mischief", ["closes one", "replaces one"])
def test_a_plugin_that_closes_or_replaces_a_descriptor_does_not_matter(
    pipe, sink, read, tmp_path, mischief
):
    with (tmp_path / "stranger").open("w") as stranger:
        if mischief == "closes one":
            os.close(pipe.writing.descriptor)
        else:
            os.dup2(stranger.fileno(), pipe.writing.descriptor)
        sink.write("still logged\n")
        assert read() == ["still logged"]
    assert (tmp_path / "stranger").read_text() == ""


def test_a_process_whose_pipe_is_closed_logs_to_standard_error(pipe):
    terminal = Terminal()
    sink = PipeSink(pipe, terminal)
    while (descriptor := pipe.writing.descriptor) is not None:
        os.close(descriptor)
    sink.write("INFO    still logged\n")
    assert re.fullmatch(r"20[-0-9]{8} [0-9:.]{12} INFO    still logged\n", terminal.text)


# The writer

PROGRAM = """
import sys
from hookframe.config.model import LogTable
from hookframe.log.writer import LogWriter
LogWriter(int(sys.argv[1]), LogTable(sys.argv[2])).run()
"""


class Writing:
    """A writer in a thread."""

    def __init__(self, pipe, table):
        self.writer = LogWriter(pipe.reading, table)
        self._thread = threading.Thread(target=self.writer.run)
        self._thread.start()

    def finish(self):
        """End it as the observer does."""
        self.writer.finish(monotonic() + 30)
        self._thread.join(30)
        assert not self._thread.is_alive()


@pytest.fixture
def writing(pipe):
    """A function that starts the writer."""
    started = []

    def start(table):
        started.append(Writing(pipe, table))
        return started[-1]

    yield start
    for each in started:
        each.finish()


def table(directory, size=1 << 20, files=10):
    """Configure the log."""
    return LogTable(str(directory), size, files)


def test_what_is_sent_is_written_to_the_last_line(writing, sink, tmp_path):
    writer = writing(table(tmp_path))
    for number in range(2000):
        sink.write(f"line {number}")
    writer.finish()
    assert logged_in(tmp_path) == [f"line {number}" for number in range(2000)]


def test_a_changed_directory_takes_effect_at_once(writing, sink, tmp_path):
    writer = writing(table(tmp_path / "old"))
    sink.write("one")
    eventually(lambda: logged(tmp_path / "old") == ["one"])
    writer.writer.reopen(table(tmp_path / "new"))
    eventually(lambda: sink.write("two") or logged(tmp_path / "new"))
    writer.finish()
    assert set(logged_in(tmp_path / "new")) == {"two"}


def test_a_directory_that_can_not_be_used_leaves_the_log_where_it_is(
    writing, sink, tmp_path, capfd
):
    (tmp_path / "file").write_text("")
    writer = writing(table(tmp_path / "old"))
    sink.write("one")
    eventually(lambda: logged(tmp_path / "old"))
    writer.writer.reopen(table(tmp_path / "file"))
    eventually(lambda: len(logged(tmp_path / "old")) > 1)
    sink.write("two")
    writer.finish()
    one, said, two = logged_in(tmp_path / "old")
    sentence = f"the log can't be written to {tmp_path}/file: Not a directory"
    assert said.startswith(f"ERROR   {sentence}")
    assert said.endswith("; it stays where it is")
    assert (one, two) == ("one", "two")
    assert capfd.readouterr().err.startswith(f"hookframe: {sentence}")


def test_while_no_directory_can_be_used_the_lines_go_to_standard_error(
    writing, sink, tmp_path, monkeypatch
):
    # capfd loses what is written while a test reads it.
    said = tmp_path / "stderr"
    with said.open("a") as stream, monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", stream)
        _check_standard_error(writing, sink, tmp_path, said)


def _check_standard_error(writing, sink, tmp_path, said):
    (tmp_path / "log").write_text("")
    writer = writing(table(tmp_path / "log"))
    sink.write("INFO    one")
    one = re.compile(r"^20[-0-9]{8} [0-9:.]{12} INFO    one$", re.MULTILINE)
    eventually(lambda: one.search(said.read_text()))
    (tmp_path / "log").unlink()
    eventually(lambda: sink.write("INFO    two") or logged(tmp_path / "log"))
    writer.finish()
    assert set(logged_in(tmp_path / "log")) == {"INFO    two"}
    assert "hookframe: the log can't be written to" in said.read_text()


def logged(directory):
    """Give the lines so far of a log that is being written."""
    current = directory / "current"
    text = current.read_text() if current.exists() else ""
    return [line[26:] for line in text.split("\n")[:-1]]


def start_process(pipe, directory):
    """Start a writer in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(pipe.reading), str(directory)],
        pass_fds=[pipe.reading],
    )


def test_a_frozen_writer_delays_nobody_and_a_second_one_goes_on(pipe, sink, tmp_path):
    frozen = start_process(pipe, tmp_path)
    second = None
    try:
        sink.write("one")
        eventually(lambda: logged(tmp_path))
        frozen.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, frozen.pid, os.WSTOPPED | os.WNOWAIT)
        for number in range(20_000):
            sink.write(f"line {number} {'x' * 100}")
        second = start_process(pipe, tmp_path)
        eventually(lambda: sink.report_lost() or any(map(LOST.fullmatch, logged(tmp_path))))
        sink.write("last")
        eventually(lambda: logged(tmp_path)[-1] == "last")
        lines = logged_in(tmp_path)
        lost = sum(int(match[1]) for line in lines if (match := LOST.fullmatch(line)))
        arrived = [line for line in lines if line.startswith("line ")]
        assert len(arrived) + lost == 20_000
        assert arrived == [f"line {number} {'x' * 100}" for number in range(len(arrived))]
    finally:
        for each in filter(None, (frozen, second)):
            each.kill()
            each.wait()


def test_the_lines_of_a_daemon_that_has_a_pipe_go_through_it(pipe, read, tmp_path):
    program = """
import json, sys
from hookframe.config.model import LogTable
from hookframe.log.pipe import LogPipe
from hookframe.log.setup import make_daemon_log
log = make_daemon_log(LogTable(sys.argv[2]), LogPipe(-1, int(sys.argv[1])))
log.error("by the log")
import loguru
loguru.logger.warning("by loguru\\n{}", "x")
"""
    descriptor = pipe.writing.descriptor
    subprocess.run(
        [sys.executable, "-c", program, str(descriptor), str(tmp_path / "log")],
        pass_fds=[descriptor],
        check=True,
        timeout=50,
    )
    assert read() == ["ERROR   by the log", "WARNING by loguru\\x0ax"]
    assert not (tmp_path / "log").exists()
