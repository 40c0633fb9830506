"""`hookframe.snapshot`: one look at a file."""

from __future__ import annotations

import os

import pytest

from hookframe.snapshot import LARGEST, Writers, take_snapshot


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
