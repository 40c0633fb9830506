"""`hookframe.files.snapshot`: one look at a file."""

from __future__ import annotations

import hashlib
import os
import time
from dataclasses import replace

import pytest

from hookframe.config.model import Config
from hookframe.files.snapshot import LARGEST, Writers, take_snapshot
from hookframe.host.source import PolicyFiles


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"content\n")
    path.chmod(0o640)
    return path


def test_content_owner_and_permissions_are_read(path):
    snapshot = take_snapshot(str(path))
    assert (snapshot.content, snapshot.error) == (b"content\n", None)
    assert snapshot.owner == os.geteuid()
    assert snapshot.mode & 0o777 == 0o640


def test_a_writer_is_seen_and_so_is_that_it_has_gone(path):
    if take_snapshot(str(path)).writers is Writers.UNKNOWN:
        pytest.skip("this file system grants no lease")
    with path.open("a"):
        assert take_snapshot(str(path)).writers is Writers.SOME
    assert take_snapshot(str(path)).writers is Writers.NONE


def test_a_reader_is_no_writer(path):
    with path.open("rb"):
        assert take_snapshot(str(path)).writers is not Writers.SOME


def test_the_fingerprint_tells_content_and_permissions_but_no_time_stamp(path):
    before = take_snapshot(str(path)).fingerprint
    os.utime(path, (1, 1))
    assert take_snapshot(str(path)).fingerprint == before
    path.chmod(0o600)
    assert take_snapshot(str(path)).fingerprint != before
    path.chmod(0o640)
    path.write_bytes(b"Content\n")
    assert take_snapshot(str(path)).fingerprint != before


def test_the_fingerprint_of_other_bytes_is_another_one(path):
    snapshot = take_snapshot(str(path))
    assert replace(snapshot, content=b"other").fingerprint != snapshot.fingerprint
    assert replace(snapshot, age=1.0).fingerprint == snapshot.fingerprint
    assert replace(snapshot, age=1.0) == replace(snapshot, age=1.0)


def test_the_bytes_are_hashed_once_however_often_somebody_asks(path, monkeypatch):
    hashed, digest_of = [], hashlib.blake2b
    monkeypatch.setattr(
        "hashlib.blake2b", lambda data, **given: hashed.append(data) or digest_of(data, **given)
    )
    policy_files = PolicyFiles(Config(hook_file=str(path)), hook_files=(take_snapshot(str(path)),))
    for _ in range(3):
        assert policy_files.digest == policy_files.digest
    assert hashed.count(b"content\n") == 1


@pytest.fixture
def memory():
    """The descriptor of memory that has no name."""
    descriptor = os.memfd_create("content")
    yield descriptor
    os.close(descriptor)


@pytest.mark.parametrize("size", [0, 8, 1 << 22])
def test_the_bytes_can_be_put_elsewhere(path, memory, size):
    path.write_bytes(os.urandom(size))
    snapshot = take_snapshot(str(path), into=memory)
    whole = take_snapshot(str(path))
    content = os.pread(memory, size + 1, 0)
    assert (snapshot.content, content) == (b"", path.read_bytes())
    assert (snapshot.stamp, snapshot.settled) == (whole.stamp, whole.settled)
    assert snapshot.fingerprint_of(content) == whole.fingerprint


def test_of_a_file_that_is_too_large_nothing_is_put_elsewhere(path, memory):
    assert take_snapshot(str(path), 7, into=memory).error
    assert os.fstat(memory).st_size == 0


def other_bytes(path):
    before = path.stat()
    path.write_bytes(b"Content\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def replaced(path):
    other = path.with_name("other")
    other.write_bytes(path.read_bytes())
    other.replace(path)


@pytest.mark.parametrize(
    "change",
    [
        other_bytes,
        replaced,
        lambda path: path.write_bytes(b"content\nmore\n"),
        lambda path: os.truncate(path, 0),
        lambda path: path.chmod(0o600),
        lambda path: path.unlink(),
    ],
    ids=["same size and time", "replaced", "longer", "emptied", "permissions", "removed"],
)
def test_a_file_that_has_changed_in_any_way_does_not_match_its_snapshot(change, path):
    snapshot = take_snapshot(str(path))
    assert snapshot.still_matches()
    change(path)
    assert not snapshot.still_matches()


def test_bytes_that_change_behind_an_equal_stamp_do_not_match(path):
    """As within one tick of a coarse clock."""
    assert not replace(take_snapshot(str(path)), content=b"earlier\n").still_matches()


@pytest.mark.parametrize("name", ["missing", "missing\0"])
def test_what_could_not_be_read_matches_nothing(name, tmp_path):
    snapshot = take_snapshot(str(tmp_path / name))
    assert not snapshot.still_matches()
    assert not snapshot.leased
    assert snapshot.device == -1


@pytest.mark.parametrize("changes", [False, True], ids=["lies still", "changes"])
def test_a_file_that_changes_while_it_is_read_is_not_settled(path, changes, monkeypatch):
    """Where no lease tells of writers, on a file that has lain still for five seconds."""
    monkeypatch.setattr("hookframe.files.snapshot._lease", lambda *_: Writers.UNKNOWN)
    later = time.time_ns() + 5_000_000_000
    monkeypatch.setattr(time, "time_ns", lambda: later)
    look = os.fstat

    def look_and_change(handle):
        status = look(handle)
        if changes:
            os.truncate(path, 3)
        return status

    monkeypatch.setattr(os, "fstat", look_and_change)
    assert take_snapshot(str(path)).settled is not changes


@pytest.mark.parametrize("kind", ["missing", "directory", "fifo", "loop", "nul", "huge"])
def test_what_can_not_be_read_is_told_and_never_raises(kind, tmp_path):
    path = tmp_path / "x"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "loop":
        path.symlink_to(path)
    elif kind == "huge":
        path.touch()
        os.truncate(path, LARGEST + 1)
    snapshot = take_snapshot(str(path) + ("\0" if kind == "nul" else ""))
    assert snapshot.content == b""
    assert snapshot.error
    assert str(path) in snapshot.error
