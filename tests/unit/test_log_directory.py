"""`hookframe.log.directory`: files are rotated, and disks are full."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hookframe.api.errors import LogUnusable
from hookframe.log import directory as log_directory
from hookframe.log import rate
from hookframe.log.directory import LogDirectory
from hookframe.log.tai64n import stamp

from ..helpers.log import logged_in, put_away

NO_LIMIT = 1 << 30
ROOT = os.geteuid() == 0


@pytest.fixture
def directory(tmp_path):
    """Where the log is; it is not there yet."""
    return tmp_path / "var" / "log"


@pytest.fixture
def complaints():
    """What was said elsewhere about the log."""
    return []


@pytest.fixture
def opened(directory, complaints):
    """A function that opens the log."""

    def open_log(size=NO_LIMIT, files=10):
        return LogDirectory(str(directory), size, files, complaints.append)

    return open_log


def run(program, *arguments, within=()):
    """Run a program in a process of its own; return what it printed, read as JSON."""
    done = subprocess.run(
        [*within, sys.executable, "-c", program, *map(str, arguments)],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=50,
    )
    return json.loads(done.stdout or "null")


def test_a_line_has_the_stamp_of_its_time(opened, directory):
    before = time.time_ns()
    opened().write(stamp("INFO    hello"))
    [line] = (directory / "current").read_text().splitlines()
    match = re.fullmatch("@4([0-9a-f]{15})([0-9a-f]{8}) INFO    hello", line)
    stamped = (int(match[1], 16) - 10) * 1_000_000_000 + int(match[2], 16)
    assert before <= stamped <= time.time_ns()


def test_the_directory_and_its_files_are_not_for_everybody(opened, directory):
    umask = os.umask(0)
    try:
        opened()
    finally:
        os.umask(umask)
    modes = {path.name: path.stat().st_mode & 0o7777 for path in (directory, *directory.iterdir())}
    assert modes == {"log": 0o750, "current": 0o640}


def test_what_is_there_already_goes_on(opened, directory):
    opened().write(stamp("one"))
    opened().write(stamp("two"))
    assert logged_in(directory) == ["one", "two"]


def test_current_is_put_away_before_it_grows_too_large(opened, directory):
    log = opened(size=200, files=100)
    lines = [f"line {number}" for number in range(50)]
    for line in lines:
        log.write(stamp(f"{line}"))
    assert logged_in(directory) == lines
    sizes = [path.stat().st_size for path in put_away(directory)]
    assert len(sizes) > 5
    assert all(150 < size <= 200 for size in sizes)


def test_a_line_that_is_longer_than_a_file_may_be_is_written_all_the_same(opened, directory):
    log = opened(size=50)
    for letter in "abc":
        log.write(stamp(letter * 100))
    assert logged_in(directory) == ["a" * 100, "b" * 100, "c" * 100]


@pytest.mark.parametrize("files", [1, 2, 5])
def test_of_the_old_files_the_newest_are_kept_and_no_other_file_is_touched(
    opened, directory, files
):
    log = opened(size=60, files=files)
    others = ["state", "@notes", "@400000000000000a00000000.gz", "@400000000000000a0000000.s"]
    for name in others:
        (directory / name).write_text("mine")
    for number in range(10):
        log.write(stamp(f"a line with number {number}"))
    assert len(put_away(directory)) == files
    assert logged_in(directory) == [f"a line with number {n}" for n in range(9 - files, 10)]
    assert [(directory / name).read_text() for name in others] == ["mine"] * len(others)


def test_files_stay_in_order_where_the_clock_is_set_back(opened, directory, monkeypatch):
    log = opened(size=60, files=3)
    hour = 0
    monkeypatch.setattr(log_directory, "time_ns", lambda: hour * 3600 * 10**9)
    for number, hour in enumerate([5, 5, 1, 3, 4, 2, 1, 1]):  # noqa: B007  (the clock reads it)
        log.write(stamp(f"a line with number {number}"))
    assert logged_in(directory) == [f"a line with number {number}" for number in range(4, 8)]


def test_another_program_may_rename_current(opened, directory):
    log = opened()
    log.write(stamp("one"))
    (directory / "current").rename(directory / "log.1")
    lines = ["one"]
    while not (directory / "current").exists():
        lines.append(f"line {len(lines)}")
        log.write(stamp(f"{lines[-1]}"))
    found = [line[26:] for line in (directory / "log.1").read_text().splitlines()]
    assert found + logged_in(directory) == lines


def test_another_program_may_empty_current(opened, directory):
    log = opened()
    log.write(stamp("one"))
    os.truncate(directory / "current", 0)
    log.write(stamp("two"))
    assert logged_in(directory) == ["two"]


@pytest.mark.parametrize("what", ["current", "the directory", "its parent"])
def test_another_program_may_delete(opened, directory, what):
    log = opened(size=60)
    log.write(stamp("one"))
    path = {"the directory": directory, "its parent": directory.parent}.get(what, directory / what)
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()
    log.write(stamp("two, which is a long line"))
    log.write(stamp("three"))
    assert logged_in(directory)[-2:] == ["two, which is a long line", "three"]


def test_a_working_directory_that_changes_does_not_matter(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    log = LogDirectory("log", NO_LIMIT, 10, print)
    monkeypatch.chdir("/")
    (tmp_path / "log" / "current").unlink()
    log.write(stamp("here"))
    assert logged_in(tmp_path / "log") == ["here"]


WRITER = """
import sys
from hookframe.log.directory import LogDirectory
from hookframe.log.tai64n import stamp
log = LogDirectory(sys.argv[1], 200_000, 10_000, print)
print("0", flush=True)
sys.stdin.read(1)
for number in range(25_000):
    log.write(stamp(f"process {sys.argv[2]} line {number} {'x' * (number % 50)}"))
"""


@pytest.mark.slow
def test_of_two_processes_that_write_at_once_no_line_is_torn_or_lost(directory):
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, directory, str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        for number in range(2)
    ]
    for writer in writers:
        assert writer.stdout.read(1) == b"0"
    complaints = [writer.communicate(b"!")[0].strip() for writer in writers]
    assert complaints == [b""] * 2
    found = sorted(logged_in(directory))
    assert found == sorted(
        f"process {process} line {number} {'x' * (number % 50)}"
        for process in range(2)
        for number in range(25_000)
    )
    assert len(put_away(directory)) > 10


FORKED = """
import os, sys
from hookframe.log.directory import LogDirectory
from hookframe.log.tai64n import stamp
log = LogDirectory(sys.argv[1], 100, 100, print)
log.write(stamp("parent before"))
child = os.fork()
for number in range(10):
    log.write(stamp(f"{'parent' if child else 'child'} {number}"))
if child:
    os.waitpid(child, 0)
"""


def test_no_line_is_lost_when_a_forked_child_writes_as_well(directory):
    run(FORKED, directory)
    # Both rotate, each by the clock: of two lines in two files either may come first.
    assert sorted(logged_in(directory)) == sorted(
        ["parent before", *(f"{who} {n}" for who in ("parent", "child") for n in range(10))]
    )


CLOSED = """
import os, resource, sys
from hookframe.log.directory import LogDirectory
from hookframe.log.tai64n import stamp
resource.setrlimit(resource.RLIMIT_NOFILE, (2048, 2048))
log = LogDirectory(sys.argv[1] + "/log", 1 << 30, 10, print)
log.write(stamp("one"))
os.closerange(3, 1 << 16)
strangers = [os.open(sys.argv[1] + "/stranger", os.O_RDWR | os.O_CREAT) for _ in range(1200)]
log.write(stamp("two"))
os.closerange(3, 1 << 16)
log.write(stamp("three"))
for stranger in strangers:
    try:
        os.close(stranger)
    except OSError:
        pass
log.write(stamp("four"))
"""


def test_a_plugin_that_closes_every_descriptor_gets_no_line_of_the_log(tmp_path):
    run(CLOSED, tmp_path)
    assert logged_in(tmp_path / "log") == ["one", "two", "three", "four"]
    assert (tmp_path / "stranger").read_bytes() == b""


FULL = """
import json, os, sys, time
from pathlib import Path
from hookframe.log.directory import LogDirectory
from hookframe.log.tai64n import stamp
directory, filler = Path(sys.argv[1]), Path(sys.argv[1], "filler")
complaints = []
log = LogDirectory(str(directory), 1 << 30, 10, complaints.append)
line = "a line of a hundred characters, more or less, so that some page of the disk is full in it"
log.write(stamp("the first line"))
with filler.open("wb", buffering=0) as file:
    try:
        while file.write(b"x" * 4096):
            pass
    except OSError:
        pass
for number in range(100):
    log.write(stamp(f"{number} {line}"))
before = (directory / "current").read_text()
filler.unlink()
getattr(log, sys.argv[2])(*map(stamp, sys.argv[3:]))
log.write(stamp("the last line"))
after = (directory / "current").read_text()
print(json.dumps([before, after, complaints]))
"""


def on_a_disk_of_its_own(tmp_path):
    """Give a command that runs another one with an almost full disk at a path."""
    mount = 'mount -t tmpfs -o size=64k none "$0" && exec "$@"'
    return ["unshare", "--mount", "sh", "-c", mount, str(tmp_path)]


@pytest.mark.skipif(not ROOT, reason="only root mounts a file system")
@pytest.mark.parametrize("call", [("write", "the next line"), ("report_lost",)])
def test_a_full_disk_costs_lines_which_are_counted_and_nothing_else(tmp_path, call):
    before, after, complaints = run(FULL, tmp_path, *call, within=on_a_disk_of_its_own(tmp_path))
    *whole, torn = before.split("\n")
    assert 10 < len(whole) < 60
    assert torn
    added = after.removeprefix(before)
    written = [line[26:] for line in added.split("\n")]
    lost = 100 - (len(whole) - 1)
    first = [f"WARNING {lost} lines of the log lost: No space left on device"]
    next_line = ["the next line"] if call[0] == "write" else []
    assert written == ["", *first, *next_line, "the last line", ""]
    assert 0 < len(complaints) < lost / 2  # one a second, and seconds may pass
    assert f"the log can't be written to {tmp_path}: 1 line of the log lost" in complaints[0]


def test_a_directory_that_can_not_be_made_again_costs_lines_which_are_counted(
    opened, directory, complaints, monkeypatch
):
    clock = [100.0]
    monkeypatch.setattr(rate, "monotonic", lambda: clock[0])
    log = opened()
    shutil.rmtree(directory)
    directory.write_text("in the way")
    for number in range(20):
        log.write(stamp(f"{number}"))
        clock[0] += 0.25
    directory.unlink()
    log.write(stamp("back"))
    log.write(stamp("again"))
    lost = "WARNING 20 lines of the log lost: Not a directory"
    assert logged_in(directory) == [lost, "back", "again"]
    assert len(complaints) == 5
    assert complaints[-1] == (
        f"the log can't be written to {directory}: 17 lines of the log lost: Not a directory"
    )


def test_a_child_does_not_count_what_its_parent_has_lost(tmp_path):
    program = """
import os, sys
from hookframe.log.directory import LogDirectory
from hookframe.log.tai64n import stamp
log = LogDirectory(sys.argv[1], 1 << 30, 10, lambda text: None)
os.unlink(sys.argv[1] + "/current")
os.mkdir(sys.argv[1] + "/current")
log.write(stamp("lost"))
os.rmdir(sys.argv[1] + "/current")
if os.fork() == 0:
    log.write(stamp("child"))
else:
    os.wait()
    log.write(stamp("parent"))
"""
    run(program, tmp_path)
    lost = "WARNING 1 line of the log lost: Is a directory"
    assert logged_in(tmp_path) == ["child", lost, "parent"]


def test_a_file_that_can_not_be_put_away_grows_and_somebody_is_told(
    opened, directory, complaints, monkeypatch
):
    monkeypatch.setattr(rate, "monotonic", lambda: 100.0)
    log = opened(size=60)
    monkeypatch.setattr(Path, "rename", refuse)
    for number in range(5):
        log.write(stamp(f"a line with number {number}"))
    assert logged_in(directory) == [f"a line with number {number}" for number in range(5)]
    assert complaints == [f"the log can't be rotated in {directory}: Read-only file system"]


def refuse(*_):
    """Do as a file system that has become read-only."""
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def in_the_way(directory, what):
    """Make it impossible to use the directory."""
    directory.parent.mkdir(parents=True)
    if what == "a file":
        directory.write_text("")
        return
    directory.mkdir()
    current = directory / "current"
    if what == "a directory":
        current.mkdir()
    elif what == "a named pipe":
        os.mkfifo(current)
    elif what == "a device":
        os.mknod(current, 0o20600, os.makedev(1, 3))
    elif what == "a symbolic link":
        current.symlink_to(directory.parent / "elsewhere")


@pytest.mark.parametrize(
    ("what", "why"),
    [
        ("a file", "Not a directory"),
        ("a directory", "Is a directory"),
        ("a named pipe", "No such device or address"),
        pytest.param(
            "a device",
            "is not a regular file",
            marks=pytest.mark.skipif(not ROOT, reason="only root makes a device"),
        ),
        ("a symbolic link", "is a symbolic link"),
    ],
)
def test_what_can_not_be_used_at_the_start_is_refused_in_one_sentence(opened, directory, what, why):
    in_the_way(directory, what)
    with pytest.raises(LogUnusable) as refused:
        opened()
    sentence = str(refused.value)
    assert sentence.startswith(f"the log can't be written to {directory}: ")
    assert why in sentence
    assert "\n" not in sentence


@pytest.mark.parametrize("what", ["a directory", "a named pipe", "a symbolic link"])
def test_what_comes_in_the_way_later_costs_lines_and_never_waits(opened, directory, what):
    log = opened()
    shutil.rmtree(directory.parent)
    in_the_way(directory, what)
    log.write(stamp("lost"))
    shutil.rmtree(directory.parent)
    log.write(stamp("back"))
    lines = logged_in(directory)
    assert lines[0].startswith("WARNING 1 line of the log lost: ")
    assert lines[1:] == ["back"]
