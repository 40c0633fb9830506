"""Lists that are too large for an attempt to read: a process of its own does, and nobody waits."""

from __future__ import annotations

import gzip
import mmap
import os
import signal
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hookframe_blacklist import Blacklist, BlacklistError, reader
from hookframe_blacklist.entries import parse
from hookframe_blacklist.limits import NEEDED, SMALL
from hookframe_blacklist.reader import Memories, read
from hookframe_blacklist.table import Both, Table
from hypothesis import given, settings
from hypothesis import strategies as st

from hookframe.testing import eventually

OLD, NEW = "old@example.org", "new@example.org"
MANY = "".join(f"user{number}@host{number % 97}.example\n" for number in range(30_000))


@pytest.fixture
def path(tmp_path):
    """A large list that holds OLD."""
    path = tmp_path / "blocked.txt"
    replace(path, OLD)
    return path


@pytest.fixture
def made(configured):
    """Makes plugins that are closed in the end."""
    plugins = []

    def make(**settings):
        plugins.append(configured(**settings))
        return plugins[-1]

    yield make
    for plugin in plugins:
        plugin.close()


@pytest.fixture
def blocks(attempt):
    """Says whether a plugin blocks a recipient."""
    return lambda plugin, recipient: bool(plugin.pre_delivery_attempt(attempt(recipient=recipient)))


def replace(path, *entries, many=MANY):
    new = path.with_suffix(".new")
    new.write_text(many + "".join(f"{each}\n" for each in entries))
    new.replace(path)


def readers():
    """The processes that read lists, as children of this one."""
    found = []
    for each in Path("/proc/self/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, each.read_text().split())
    return found


def test_the_lists_of_these_tests_are_large():
    assert len(MANY) > SMALL


def test_a_large_list_is_known_when_the_plugin_is_configured(made, blocks, path):
    plugin = made(recipients=str(path))
    assert blocks(plugin, OLD)
    assert blocks(plugin, "User29999@HOST26.example.")
    assert not blocks(plugin, NEW)
    assert not blocks(plugin, "user29999@host26.example\nuser1@host1.example")


@pytest.mark.slow
def test_attempts_are_decided_by_the_old_list_until_the_new_one_is_read(made, blocks, path):
    plugin = made(recipients=str(path))
    replace(path, NEW, many=MANY * 20)
    eventually(lambda: blocks(plugin, OLD) and readers())
    [reader] = readers()
    os.kill(reader, signal.SIGSTOP)  # it does not come to an end before we say so
    decided = [blocks(plugin, OLD) for _ in range(1000)]
    os.kill(reader, signal.SIGCONT)
    assert decided == [True] * 1000
    eventually(lambda: blocks(plugin, NEW))
    assert not blocks(plugin, OLD)


def test_an_attempt_parses_no_line_of_a_large_list(made, attempt, path, monkeypatch):
    plugin = made(recipients=str(path))

    def never(*_, **__):
        raise AssertionError("this process parses the list")

    monkeypatch.setattr("hookframe_blacklist.listfile.read_list", never)
    replace(path, NEW)
    eventually(lambda: plugin.pre_delivery_attempt(attempt(recipient=NEW)))


def test_a_change_counts_though_no_attempt_comes_meanwhile(made, blocks, path):
    plugin = made(recipients=str(path), check_every="1h")
    followers = [each for each in threading.enumerate() if each.name == "hookframe-blacklist"]
    assert followers
    often = made(recipients=str(path), check_every="100ms")
    replace(path, NEW)
    eventually(lambda: blocks(often, NEW))
    assert blocks(plugin, OLD)


def test_a_broken_line_stops_every_attempt_and_is_named_with_its_number(made, blocks, path):
    plugin = made(recipients=str(path))
    replace(path, "wrong")
    problem = []

    def fails():
        try:
            blocks(plugin, OLD)
        except BlacklistError as error:
            problem[:] = [str(error)]
        return problem

    eventually(fails)
    assert problem[0].startswith(f"{path} line 30001: 'wrong' has no @")
    with pytest.raises(BlacklistError, match="line 30001"):
        blocks(plugin, OLD)
    replace(path, NEW)
    eventually(lambda: works(lambda: blocks(plugin, NEW)))


def works(call):
    try:
        return call()
    except BlacklistError:
        return False


def test_a_large_list_that_disappears_is_an_error_at_the_next_attempt(made, blocks, path):
    plugin = made(recipients=str(path))
    path.rename(path.with_suffix(".gone"))
    with pytest.raises(BlacklistError, match="does not exist"):
        blocks(plugin, OLD)
    path.with_suffix(".gone").rename(path)
    eventually(lambda: works(lambda: blocks(plugin, OLD)))


def test_a_list_may_grow_large_and_become_small_again(made, blocks, path):
    replace(path, OLD, many="")
    plugin = made(recipients=str(path))
    replace(path, NEW)
    eventually(lambda: blocks(plugin, NEW))
    replace(path, OLD, many="")
    assert blocks(plugin, OLD)
    assert not blocks(plugin, NEW)
    assert not [each for each in threading.enumerate() if each.name == "hookframe-blacklist"]


@pytest.mark.slow
def test_a_reader_that_is_killed_is_an_error_that_says_so_and_is_mended(made, blocks, path):
    plugin = made(recipients=str(path))
    replace(path, NEW, many=MANY * 20)
    eventually(lambda: blocks(plugin, OLD) and readers())
    os.kill(readers()[0], signal.SIGKILL)
    said = set()

    def mended():
        try:
            return blocks(plugin, NEW)
        except BlacklistError as error:
            said.add(str(error))

    eventually(mended)
    [error] = said
    assert f"reads {path} has ended too early, with signal 9; it is started again" in error
    needed = f"needs up to {NEEDED} times as much memory as the list is large, and some 6 MB"
    assert error.endswith(needed)


def test_after_close_there_is_neither_a_thread_nor_a_process(made, blocks, path):
    plugin = made(recipients=str(path))
    replace(path, NEW, many=MANY * 20)
    eventually(lambda: blocks(plugin, OLD) and readers())
    plugin.close()
    assert not readers()
    assert not [each for each in threading.enumerate() if each.name == "hookframe-blacklist"]


def test_a_plugin_that_is_forgotten_leaves_no_thread(attempt, path):
    plugin = Blacklist()
    plugin.configure({"recipients": str(path)})
    del plugin
    eventually(
        lambda: not [each for each in threading.enumerate() if each.name == "hookframe-blacklist"]
    )


def test_a_forked_process_goes_on_following_the_list(made, blocks, path):
    plugin = made(recipients=str(path))
    child = os.fork()
    if child == 0:
        status = 1
        try:
            replace(path, NEW)
            eventually(lambda: blocks(plugin, NEW))
            status = 0
        finally:
            os._exit(status)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.parametrize("many", ["", MANY], ids=["small", "large"])
def test_a_compressed_list_is_read_whatever_its_name(made, blocks, tmp_path, many):
    for name in ("blocked.txt.gz", "blocked.txt"):
        path = tmp_path / name
        path.write_bytes(gzip.compress(f"{OLD}\n".encode()) + gzip.compress(many.encode()))
        plugin = made(recipients=str(path))
        assert blocks(plugin, OLD)
        assert not blocks(plugin, NEW)


@pytest.mark.parametrize("many", ["", MANY], ids=["small", "large"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda data: data[:-1],
        lambda data: data[: len(data) // 2],
        lambda data: data[:20] + bytes([data[20] ^ 255]) + data[21:],
        lambda data: data + b"more",
        lambda data: b"",
        lambda data: b"text@example.com\n",
    ],
    ids=["no end", "half", "another byte", "more behind", "empty", "no gzip"],
)
def test_a_damaged_compressed_list_is_an_error_and_never_a_short_list(made, tmp_path, many, damage):
    path = tmp_path / "blocked.txt.gz"
    path.write_bytes(damage(gzip.compress(f"{OLD}\n{many}".encode())))
    if not path.read_bytes():
        os.utime(path, (1, 1))
    with pytest.raises(BlacklistError, match=f"{path} is no whole gzip file: "):
        made(recipients=str(path))


def test_a_compressed_list_that_unpacks_to_too_much_is_an_error(tmp_path, monkeypatch):
    from hookframe_blacklist.compressed import unpack

    bomb = gzip.compress(b"\n" * 1_000_000)
    with pytest.raises(BlacklistError, match="unpacks to more than 999999 bytes"):
        unpack(bomb, "/lists/bomb.gz", 999_999)
    assert unpack(bomb, "/lists/bomb.gz", 1_000_000) == b"\n" * 1_000_000


NASTY = st.text('abB.@<>"\\#*, \t[]éİ\udcfc1', max_size=12)
ENTRY = st.builds("{}@{}".format, st.text("abAB1é\udcfc+", max_size=4), st.just("B.example"))


@settings(deadline=None)
@given(
    lines=st.lists(st.one_of(ENTRY, NASTY), max_size=12), asked=st.lists(ENTRY), crlf=st.booleans()
)
def test_a_table_answers_as_a_set_does(lines, asked, crlf):
    text = ("\r\n" if crlf else "\n").join(lines)
    data = text.encode("utf-8", "surrogateescape")
    expected = outcome(lambda: parse(data, "/list", senders=True))
    table = outcome(lambda: table_of(data))
    if isinstance(expected, str):
        assert table == expected
        return
    for entry in {*expected, *asked, *lines, "", "\n", "a\nb", "\ud800", "@b.example"}:
        assert (entry in table) == (entry in expected), entry


def outcome(call):
    """Give what a call gives, or the text of its error."""
    try:
        return call()
    except BlacklistError as error:
        return str(error)


def table_of(data):
    memories = Memories(*(os.memfd_create(name) for name in Memories._fields))
    try:
        os.pwrite(memories.content, data, 0)
        shape = read("/list", memories, senders=True)[-1][1]
        return Table(mmap.mmap(memories.first, 0, prot=mmap.PROT_READ), shape)
    finally:
        for each in memories:
            os.close(each)


@pytest.fixture
def halves(monkeypatch):
    """Reads a list in two halves, the second one late; gives what each word comes with."""
    found = reader._found

    def found_late(*arguments, **options):
        time.sleep(0.5)
        return found(*arguments, **options)

    monkeypatch.setattr(reader, "_WORTH_SHARING", 1)
    monkeypatch.setattr(reader, "_found", found_late)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
    memories = Memories(*(os.memfd_create(name) for name in Memories._fields))

    def read_in_halves(data):
        os.pwrite(memories.content, data, 0)
        for word, shape, _ in reader._read("/list", memories, senders=False, skip=False):
            used = memories[1:3] if word == "two" else memories[3:]
            yield word, [Table(mmap.mmap(each, 0, prot=mmap.PROT_READ), shape) for each in used]

    yield read_in_halves
    for each in memories:
        os.close(each)


@pytest.mark.slow
@pytest.mark.parametrize(
    "first", ["", "@example.com\n", "# comment\n"], ids=["", "domain", "comment"]
)
def test_a_list_is_not_in_use_before_both_halves_of_it_are_there(halves, first):
    addresses = [f"user{number}@example.org" for number in range(5000)]
    words = []
    for word, tables in halves((first + "\n".join(addresses) + "\n").encode()):
        words.append(word)
        assert not [each for each in addresses if not any(each in table for table in tables)]
    assert words == ["two", "fine"]


@pytest.mark.slow
def test_a_broken_line_in_the_second_half_is_named_though_the_first_lists_domains(halves):
    lines = ["@example.com", *(f"user{number}@example.org" for number in range(5000)), "wrong"]
    with pytest.raises(BlacklistError, match=r"^/list line 5002: 'wrong' has no @"):
        list(halves("\n".join(lines).encode()))


def test_two_halves_answer_as_the_whole():
    first, second = table_of(b"a@example.com\n"), table_of(b"@example.org\n")
    both = Both(first, second)
    assert "a@example.com" in both
    assert "@example.org" in both
    assert "@example.com" not in both
