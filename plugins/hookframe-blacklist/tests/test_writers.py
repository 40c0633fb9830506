"""A list that somebody writes in place, as in `generate > list`, while attempts are decided."""

from __future__ import annotations

import subprocess
import tempfile
import threading
from pathlib import Path
from time import monotonic

import pytest
from hookframe_blacklist import BlacklistError

from hookframe.testing import eventually

ONE, TWO, THREE = "one@example.org", "two@example.org", "three@example.org"
PAUSE = 0.5
"""Seconds for which a slow writer does nothing, with the list open."""


@pytest.fixture
def path(tmp_path):
    """A list that holds ONE."""
    path = tmp_path / "blocked.txt"
    path.write_text(f"{ONE}\n")
    return path


@pytest.fixture
def blocked(attempt):
    """Says which of the three recipients a plugin blocks."""

    def which(plugin):
        return {
            recipient
            for recipient in (ONE, TWO, THREE)
            if plugin.pre_delivery_attempt(attempt(recipient=recipient))
        }

    return which


def during_a_pause():
    """Go on until the writer does."""
    end = monotonic() + PAUSE
    while monotonic() < end:
        yield


@pytest.mark.slow
def test_a_list_that_a_slow_program_generates_counts_once_it_is_whole(configured, blocked, path):
    plugin = configured(recipients=str(path))
    with subprocess.Popen(["sh", "-c", 'cat > "$0"', path], stdin=subprocess.PIPE) as generate:
        eventually(lambda: path.stat().st_size == 0)
        assert all(blocked(plugin) == {ONE} for _ in during_a_pause())
        generate.stdin.write(f"{TWO}\nthree@".encode())
        generate.stdin.flush()
        eventually(lambda: path.stat().st_size > 0)
        assert all(blocked(plugin) == {ONE} for _ in during_a_pause())
        generate.stdin.write(b"example.org\n")
    assert blocked(plugin) == {TWO, THREE}


@pytest.fixture
def public_path():
    """A list in a directory that everyone may enter."""
    with tempfile.TemporaryDirectory() as directory:
        Path(directory).chmod(0o755)
        path = Path(directory) / "blocked.txt"
        path.write_text(f"{ONE}\n")
        path.chmod(0o644)
        yield path


@pytest.mark.slow
def test_an_emptied_list_of_another_user_waits_for_its_content(
    configured, blocked, public_path, as_nobody
):
    # The system tells only a file's owner and root whether somebody is writing it.
    plugin = configured(recipients=str(public_path))
    with public_path.open("w") as writer:
        with as_nobody():
            assert all(blocked(plugin) == {ONE} for _ in during_a_pause())
        writer.write(f"{TWO}\n")
    with as_nobody():
        eventually(lambda: blocked(plugin) == {TWO})


def test_a_growing_list_of_another_user_counts_once_it_lies_still(
    configured, blocked, public_path, as_nobody
):
    plugin = configured(recipients=str(public_path))
    with public_path.open("w") as writer, as_nobody():
        writer.write(f"{TWO}\n")
        writer.flush()
        assert blocked(plugin) == {ONE}
        writer.write(f"{THREE}\n")
    with as_nobody():
        eventually(lambda: blocked(plugin) == {TWO, THREE})


def test_one_list_that_is_being_written_keeps_no_other_from_changing(
    configured, blocked, path, tmp_path
):
    other = tmp_path / "other.txt"
    other.write_text("")
    plugin = configured(recipients=[str(path), str(other)])
    with path.open("w") as writer:
        other.write_text(f"{THREE}\n")
        assert blocked(plugin) == {ONE, THREE}
        writer.write(f"{TWO}\n")
    assert blocked(plugin) == {TWO, THREE}


@pytest.mark.slow
def test_a_list_that_was_lost_stays_an_error_until_the_new_one_is_whole(configured, blocked, path):
    plugin = configured(recipients=str(path))
    path.unlink()
    with pytest.raises(BlacklistError, match="does not exist"):
        blocked(plugin)
    with path.open("w") as writer:
        writer.write(f"{TWO}\n")
        writer.flush()
        for _ in range(3):
            with pytest.raises(BlacklistError, match="does not exist"):
                blocked(plugin)
        writer.write(f"{THREE}\n")
    assert blocked(plugin) == {TWO, THREE}


def test_a_list_that_disappears_under_its_writer_is_an_error(configured, blocked, path):
    plugin = configured(recipients=str(path))
    with path.open("w"):
        assert blocked(plugin) == {ONE}
        path.unlink()
        with pytest.raises(BlacklistError, match="does not exist"):
            blocked(plugin)


@pytest.mark.slow
def test_a_first_list_that_nobody_stops_writing_is_refused(configured, blocked, path):
    with path.open("a") as writer:
        writer.write(f"{TWO}\n")
        writer.flush()
        with pytest.raises(BlacklistError) as caught:
            configured(recipients=str(path))
    assert str(caught.value) == (
        f"somebody is writing {path}, or was a moment ago, and half a list is not taken for a "
        "whole one: wait until it is closed, or write a new file beside it and rename that over it"
    )
    assert blocked(configured(recipients=str(path))) == {ONE, TWO}


def test_a_first_list_is_waited_for_while_its_writer_comes_to_an_end(configured, blocked, path):
    writer = path.open("w")
    writer.write(f"{TWO}\n")
    closing = threading.Timer(0.2, writer.close)
    closing.start()
    assert blocked(configured(recipients=str(path))) == {TWO}
    closing.join()


def test_a_broken_list_is_refused_at_once_whoever_writes_another(configured, path, tmp_path):
    broken = tmp_path / "broken.txt"
    broken.write_text("wrong\n")
    with path.open("a"), pytest.raises(BlacklistError, match="'wrong' has no @"):
        configured(recipients=[str(path), str(broken)])
