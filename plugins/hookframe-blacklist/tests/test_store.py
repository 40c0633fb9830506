"""Tables of large lists in the state directory: a new process need not read an unchanged list."""

from __future__ import annotations

import fcntl
import gzip
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import nullcontext

import pytest
from hookframe_blacklist import Blacklist, BlacklistError, store

from hookframe.testing import eventually

OLD, NEW = "old@example.org", "new@example.org"
MANY = "".join(f"user{number}@host{number % 97}.example\n" for number in range(11_000))
PROGRAM = """
import sys
from hookframe_blacklist import Blacklist
path, state = sys.argv[1:]
seen = []
sys.addaudithook(lambda event, args: seen.append(f"{event} {args[0]}"))
plugin = Blacklist()
plugin.configure({"recipients": path}, state)
blocked = [
    recipient for recipient in ("old@example.org", "new@example.org")
    if plugin.pre_delivery_attempt({"recipient": recipient, "sender": ""})
]
read = f"open {path}" in seen
started = any(each.startswith("subprocess.Popen") for each in seen)
plugin.close()
print(*blocked, "read" if read else "not read", "started" if started else "not started", sep=", ")
"""


@pytest.fixture
def state(tmp_path):
    path = tmp_path / "state"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def path(tmp_path):
    """A large list that holds OLD."""
    path = tmp_path / "blocked.txt"
    path.write_text(f"{MANY}{OLD}\n")
    return path


@pytest.fixture
def blocked(attempt):
    """Says which of the two recipients a list blocks, for a plugin that knows nothing else."""

    def which(path, state, **settings):
        plugin = Blacklist()
        plugin.configure({"recipients": str(path)} | settings, state and str(state))
        try:
            return {
                recipient
                for recipient in (OLD, NEW)
                if plugin.pre_delivery_attempt(attempt(recipient=recipient))
            }
        finally:
            plugin.close()

    return which


def files(state, ending):
    return sorted((state / "blacklist").glob(f"*{ending}"))


def in_a_new_process(path, state):
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path), str(state)],
        capture_output=True, text=True, timeout=50, check=True,
    )  # fmt: skip
    return done.stdout.strip()


@pytest.mark.slow
def test_an_unchanged_list_is_not_read_by_a_new_process(path, state):
    assert in_a_new_process(path, state) == f"{OLD}, read, started"
    time.sleep(max(0, path.stat().st_ctime + 2.1 - time.time()))  # until its stamp proves it
    assert in_a_new_process(path, state) == f"{OLD}, read, started"
    assert in_a_new_process(path, state) == f"{OLD}, not read, not started"
    path.write_text(f"{MANY}{NEW}\n")
    assert in_a_new_process(path, state) == f"{NEW}, read, started"


def test_the_same_bytes_are_compiled_once(path, state, blocked, monkeypatch):
    assert blocked(path, state) == {OLD}
    [table] = files(state, ".table")
    inode = table.stat().st_ino
    other = path.with_name("other.txt")
    other.write_bytes(path.read_bytes())
    assert blocked(other, state) == {OLD}
    assert [each.stat().st_ino for each in files(state, ".table")] == [inode]


def test_without_a_state_directory_nothing_is_written(path, state, blocked):
    assert blocked(path, None) == {OLD}
    assert not list(state.iterdir())


def truncated(table):
    os.truncate(table, table.stat().st_size // 2)


def one_byte_short(table):
    os.truncate(table, table.stat().st_size - 1)


def longer(table):
    with table.open("ab") as file:
        file.write(b"more")


def emptied(table):
    os.truncate(table, 0)


def zeroed_positions(table):
    with table.open("r+b") as file:
        file.write(bytes(64))


def huge_number_of_buckets(table):
    with table.open("r+b") as file:
        file.seek(-256, os.SEEK_END)
        line = file.read().replace(b" 0 ", b" 99999999999 0 ")[:256]
        file.seek(-256, os.SEEK_END)
        file.write(line)


def noise(table):
    table.write_bytes(os.urandom(5000))


def writable_for_others(table):
    table.chmod(0o606)


def writable_for_its_group(table):
    table.chmod(0o660)


def of_another_user(table):
    os.chown(table, 65534, 65534)


def a_link(table):
    table.rename(table.with_suffix(".real"))
    table.symlink_to(table.with_suffix(".real"))


def a_fifo(table):
    table.unlink()
    os.mkfifo(table)


@pytest.mark.parametrize(
    "damage",
    [
        truncated,
        one_byte_short,
        longer,
        emptied,
        zeroed_positions,
        huge_number_of_buckets,
        noise,
        writable_for_others,
        writable_for_its_group,
        pytest.param(
            of_another_user,
            marks=pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user"),
        ),
        a_link,
        a_fifo,
    ],
)
def test_a_table_that_is_damaged_or_not_ours_is_made_once_more(path, state, blocked, damage):
    assert blocked(path, state) == {OLD}
    [table] = files(state, ".table")
    whole, inode = table.read_bytes(), table.stat().st_ino
    damage(table)
    with table.open("rb") if table.is_file() else nullcontext():  # so that its inode stays in use
        assert blocked(path, state) == {OLD}
    eventually(lambda: table.is_file() and not table.is_symlink())
    assert table.read_bytes() == whole
    assert table.stat().st_ino != inode
    assert table.stat().st_mode & 0o777 == 0o600


def test_a_table_of_the_time_before_the_machine_was_started_is_made_once_more(
    path, state, blocked, monkeypatch, tmp_path
):
    assert blocked(path, state) == {OLD}
    [before] = files(state, ".table")
    inode = before.stat().st_ino
    (tmp_path / "boot").write_text("another\n")
    monkeypatch.setattr(store, "_BOOT", str(tmp_path / "boot"))
    assert blocked(path, state) == {OLD}
    assert files(state, ".table")[0].stat().st_ino != inode


def test_a_part_that_others_may_write_is_not_written_to(path, state, blocked):
    assert blocked(path, state) == {OLD}
    [table] = files(state, ".table")
    part = table.rename(table.with_suffix(".part"))
    part.chmod(0o666)
    with part.open("r+b") as others:
        assert blocked(path, state) == {OLD}
        others.write(bytes(100))
    assert blocked(path, state) == {OLD}
    assert not files(state, ".part")


@pytest.fixture
def building(path, state, blocked):
    """A process that has the lock for the table of the list, and makes nothing."""
    assert blocked(path, state) == {OLD}
    [table] = files(state, ".table")
    part = table.with_suffix(".part")
    table.unlink()
    program = "import fcntl, sys; f = open(sys.argv[1], 'w'); fcntl.flock(f, fcntl.LOCK_EX); "
    program += "f.write('half a table' * 100_000); f.flush(); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", program, part], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        yield process
        process.kill()


def waiting(call):
    """Run a call in a thread; give the thread and where its result will be."""
    results = []
    thread = threading.Thread(target=lambda: results.append(call()))
    thread.start()
    return thread, results


def test_a_second_process_waits_for_the_first_one_and_takes_its_table(
    path, state, blocked, building
):
    thread, results = waiting(lambda: blocked(path, state))
    thread.join(0.3)
    assert thread.is_alive()
    [part] = files(state, ".part")
    made = state.parent / "made"
    made.mkdir(mode=0o700)
    assert blocked(path, made) == {OLD}
    files(made, ".table")[0].rename(part.with_suffix(".table"))
    thread.join()
    assert results == [{OLD}]
    assert files(state, ".part") == [part]


def test_a_process_that_is_killed_while_it_makes_a_table_blocks_no_other(
    path, state, blocked, building
):
    thread, results = waiting(lambda: blocked(path, state))
    thread.join(0.3)
    assert thread.is_alive()
    building.send_signal(signal.SIGKILL)
    thread.join()
    assert results == [{OLD}]
    [table] = files(state, ".table")
    assert not files(state, ".part")
    inode = table.stat().st_ino
    assert blocked(path, state) == {OLD}
    assert table.stat().st_ino == inode


def test_one_that_takes_too_long_is_not_waited_for(path, state, blocked, building, monkeypatch):
    monkeypatch.setattr(store, "_PATIENCE", 0.1)
    assert blocked(path, state) == {OLD}
    assert not files(state, ".table")


def test_several_processes_that_start_at_once_make_one_table(path, state):
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(path), str(state)], stdout=subprocess.PIPE
        )
        for _ in range(4)
    ]
    said = [process.communicate(timeout=50)[0].decode().strip() for process in processes]
    assert said == [f"{OLD}, read, started"] * 4
    assert len(files(state, ".table")) == 1
    assert not files(state, ".part")


def test_a_table_that_is_removed_goes_on_being_used(path, state, attempt):
    plugin = Blacklist()
    plugin.configure({"recipients": str(path)}, str(state))
    for file in (state / "blacklist").iterdir():
        file.unlink()
    try:
        assert plugin.pre_delivery_attempt(attempt(recipient=OLD))
        assert not plugin.pre_delivery_attempt(attempt(recipient=NEW))
    finally:
        plugin.close()


def test_a_change_of_a_list_in_use_counts_and_is_kept(path, state, attempt):
    plugin = Blacklist()
    plugin.configure({"recipients": str(path), "check_every": "20ms"}, str(state))
    try:
        new = path.with_suffix(".new")
        new.write_text(f"{MANY}{NEW}\n")
        new.replace(path)
        eventually(lambda: plugin.pre_delivery_attempt(attempt(recipient=NEW)))
        assert not plugin.pre_delivery_attempt(attempt(recipient=OLD))
        assert len(files(state, ".table")) == 2
    finally:
        plugin.close()


def test_only_so_many_tables_are_kept_and_those_that_were_used_last(path, state, blocked):
    steady = path.with_name("steady.txt")
    steady.write_text(f"{MANY}steady@example.net\n")
    assert blocked(steady, state) == set()
    [first] = files(state, ".table")
    inode = first.stat().st_ino
    for number in range(14):
        path.write_text(f"{MANY}{OLD}\nuser{number}@example.net\n")
        assert blocked(path, state) == {OLD}
        assert blocked(steady, state) == set()
    kept = files(state, ".table")
    assert len(kept) == 10
    assert any(b"user13@example.net" in each.read_bytes() for each in kept)
    assert first.stat().st_ino == inode
    assert not any(b"user0@example.net" in each.read_bytes() for each in kept)


@pytest.mark.parametrize("written", ["", MANY], ids=["emptied", "half"])
def test_while_a_list_is_written_the_one_that_is_known_decides_though_the_process_is_new(
    path, state, blocked, attempt, written
):
    assert blocked(path, state) == {OLD}
    plugin = Blacklist()
    with path.open("w") as writer:
        writer.write(written)
        writer.flush()
        plugin.configure({"recipients": str(path), "check_every": "20ms"}, str(state))
        assert plugin.pre_delivery_attempt(attempt(recipient=OLD))
        writer.write(f"{MANY.removeprefix(written)}{NEW}\n")
    try:
        eventually(lambda: plugin.pre_delivery_attempt(attempt(recipient=NEW)))
        assert not plugin.pre_delivery_attempt(attempt(recipient=OLD))
    finally:
        plugin.close()


def test_where_nothing_can_be_written_the_list_is_read_as_without(path, state, blocked, caplog):
    (state / "blacklist").write_text("no directory")
    assert blocked(path, state) == {OLD}
    assert "what was made of lists is not kept in" in caplog.text
    assert (state / "blacklist").read_text() == "no directory"


def test_a_list_of_senders_is_not_taken_for_one_of_recipients(path, state, blocked):
    path.write_text(f"{MANY}<>\n")
    plugin = Blacklist()
    plugin.configure({"senders": str(path)}, str(state))
    plugin.close()
    assert len(files(state, ".table")) == 1
    with pytest.raises(BlacklistError, match="'<>' is the null sender"):
        blocked(path, state)


def test_a_text_is_not_taken_for_a_compressed_list_because_it_was_read_as_text(
    path, state, blocked
):
    assert blocked(path, state) == {OLD}
    named = path.rename(path.with_suffix(".gz"))
    with pytest.raises(BlacklistError, match="is no whole gzip file"):
        blocked(named, state)


def test_a_compressed_list_is_kept_too(path, state, blocked):
    path.write_bytes(gzip.compress(f"{MANY * 3}{OLD}\n".encode(), 0))
    for _ in range(2):
        assert blocked(path, state) == {OLD}
    assert len(files(state, ".table")) == 1


def test_a_broken_list_is_an_error_for_each_process_and_is_not_kept(path, state, blocked):
    path.write_text(f"{MANY}wrong\n")
    for _ in range(2):
        with pytest.raises(BlacklistError, match="line 11001: 'wrong' has no @"):
            blocked(path, state)
    assert not list((state / "blacklist").iterdir())


def test_the_lock_is_given_back(path, state, blocked):
    assert blocked(path, state) == {OLD}
    [table] = files(state, ".table")
    with table.open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
