"""`hookframe demo`: a daemon at work, and a live edit of its hook file."""

from __future__ import annotations

import re
import signal
import tempfile
from pathlib import Path

import pytest

from ..helpers.shell import COLOUR

CHANGED = re.compile(r"first new decision came \d+\.\d ms after the save")


@pytest.fixture
def place(shell):
    """An empty directory in which the demonstration makes its own; a socket fits into its path."""
    with tempfile.TemporaryDirectory(prefix="hf-") as folder:
        shell.environment["TMPDIR"] = folder
        yield Path(folder)


def decisions(text, recipient):
    """Give every decision about a recipient, in order."""
    return [line.split(maxsplit=2)[2] for line in text.splitlines() if recipient in line]


def nothing_is_left(place):
    return not list(place.iterdir())


def test_it_shows_decisions_who_decided_and_an_edit_taking_effect(shell, place):
    done = shell.run("demo", "--seconds", "2")
    assert (done.status, done.err) == (0, "")
    first, *_, last = decisions(done.out, "carl@slow.example")
    assert "newsletter" in done.out
    assert "pause message=" in first
    assert "(by file)" in first
    assert 'new_mtaid new_mtaid="bulk"' in last
    assert '  +        return {"action": "new_mtaid", "new_mtaid": "bulk"}' in done.out
    assert '  -SLOW = {"slow.example"}' in done.out
    assert CHANGED.search(done.out)
    assert nothing_is_left(place)


def test_the_same_attempts_are_shown_before_and_after_the_edit(shell, place):
    done = shell.run("demo", "--seconds", "1")
    before, after = CHANGED.split(done.out)
    attempts = [
        [line.split()[0] for line in part.splitlines() if line.startswith("  ") and "@" in line]
        for part in (before, after)
    ]
    assert set(attempts[0]) == set(attempts[1])
    assert len(set(attempts[0])) >= 5


def test_it_shows_a_broken_save_and_its_mending_in_a_line_each(shell, place):
    done = shell.run("demo", "--seconds", "1")
    (broken,) = (line for line in done.out.splitlines() if line.startswith("A broken save"))
    assert 'pause message="Error in pre_delivery_attempt_hook (see logfile)"' in broken
    assert "error compiling: SyntaxError" in broken
    (fixed,) = (line for line in done.out.splitlines() if line.startswith("Fixed"))
    assert 'new_mtaid="bulk"' in fixed


def test_off_a_terminal_it_is_plain(shell, place):
    assert "\x1b" not in shell.run("demo", "--seconds", "1").out


def test_on_a_terminal_it_is_coloured(shell, place):
    shown = shell.on_terminal("demo", "--seconds", "1")
    assert shown.status == 0
    for what in ("normal", "new_mtaid", r" *\+SLOW"):
        assert re.search(f"{COLOUR}{what}", shown.raw), what
    assert CHANGED.search(shown.text)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_it_cleanly_with_its_daemon_and_its_directory(shell, place, number):
    with shell.start("demo", "--seconds", "60") as process:
        assert process.stdout.readline().startswith(b"A daemon")
        (socket,) = place.glob("*/*.sock")
        process.send_signal(number)
        out, err = process.communicate(timeout=50)
    assert (process.returncode, err) == (0, b"")
    assert out.endswith(b"Stopped.\n")
    assert not socket.exists()
    assert nothing_is_left(place)


def test_ctrl_c_on_its_terminal_ends_it_cleanly(shell, place):
    shown = shell.on_terminal("demo", "--seconds", "60", interrupted_after="ann@example.net")
    assert shown.status == 0
    assert shown.text.endswith("Stopped.\n")
    assert nothing_is_left(place)


def test_the_first_party_plugins_take_part_where_they_are_installed(shell, place, first_party):
    shell.install(first_party)
    done = shell.run("demo", "--seconds", "1")
    assert (done.status, done.err) == (0, "")
    assert "its chain is blacklist, routing, file." in done.out
    assert all("dump" in each for each in decisions(done.out, "nobody@example.com"))
    assert all("(by blacklist)" in each for each in decisions(done.out, "nobody@example.com"))
    assert all("(by routing)" in each for each in decisions(done.out, "dora@bigmail.example"))
    assert "not installed" not in done.out


def test_a_reader_that_goes_away_ends_it_cleanly(shell, place):
    with shell.start("demo", "--seconds", "3") as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(50) == 141
        assert process.stderr.read() == b""
    assert nothing_is_left(place)


def test_a_long_path_of_the_temporary_directory_is_no_trouble(shell, tmp_path):
    deep = tmp_path / ("d" * 120)
    deep.mkdir()
    shell.environment["TMPDIR"] = str(deep)
    assert shell.run("demo", "--seconds", "1").status == 0


def test_it_needs_no_policy_and_disturbs_none(shell, place):
    shell.write("hookframe.toml", "this is not TOML")
    shell.environment["HOOKFRAME_CONFIG"] = "/does/not/exist"
    assert shell.run("demo", "--seconds", "1").status == 0
    assert [path.name for path in shell.directory.iterdir()] == ["hookframe.toml"]


@pytest.mark.parametrize("seconds", ["0", "-1", "soon"])
def test_a_time_that_can_not_be_meant_is_wrong_use(shell, seconds):
    assert shell.run("demo", "--seconds", seconds).status == 2
