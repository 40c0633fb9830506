"""`hookframe blacklist`, as an operator types it: in a process of its own."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys

import pytest
from hookframe_blacklist.entries import parse

pytestmark = pytest.mark.slow

LIST = "# asked us to\nJohn@example.com  # by telephone\n\n@example.org\n"
PROGRAM = (sys.executable, "-m", "hookframe", "blacklist")


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "blocked.txt"
    path.write_text(LIST)
    return path


@pytest.fixture
def blacklist(tmp_path):
    """Runs `hookframe blacklist` in a directory that is nobody else's."""

    def run(*arguments, **environment):
        return subprocess.run(
            [*PROGRAM, *map(str, arguments)],
            cwd=tmp_path, capture_output=True, text=True, timeout=50, check=False,
            env={**os.environ, **environment},
        )  # fmt: skip

    return run


def configuration(path, **settings):
    lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
    path.write_text("\n".join(["[plugins.blacklist.settings]", *lines, ""]))
    return path


def test_an_address_is_added_at_the_end_and_everything_else_stays(blacklist, path):
    done = blacklist("add", "--list", path, "New@Example.net", "--comment", "ticket 7")
    assert (done.returncode, done.stdout) == (0, f"New@Example.net: added to {path}\n")
    assert path.read_text() == f"{LIST}New@Example.net # ticket 7\n"


def test_to_add_twice_changes_nothing(blacklist, path):
    before = path.stat()
    done = blacklist("add", "--list", path, "JOHN@example.com", "@Example.org.")
    assert done.returncode == 0
    assert done.stdout.count("already on") == 2
    assert path.read_text() == LIST
    assert path.stat().st_ino == before.st_ino


def test_an_address_is_removed_with_its_comment_and_everything_else_stays(blacklist, path):
    done = blacklist("remove", "--list", path, "john@EXAMPLE.com")
    assert (done.returncode, done.stdout) == (0, f"john@EXAMPLE.com: removed from {path}\n")
    assert path.read_text() == "# asked us to\n\n@example.org\n"


def test_to_remove_what_is_not_there_is_told_by_the_exit_status(blacklist, path):
    done = blacklist("remove", "--list", path, "a@example.org")
    assert (done.returncode, done.stdout) == (1, f"a@example.org: not on {path}\n")
    assert path.read_text() == LIST


def test_check_names_the_entry_that_stops_an_address(blacklist, path):
    done = blacklist("check", "--list", path, "John@Example.com", "any@example.org")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        f"John@Example.com: on {path} (john@example.com)",
        f"any@example.org: on {path} (@example.org)",
    ]
    done = blacklist("check", "--list", path, "any@example.org", "other@example.net")
    assert done.returncode == 1
    assert done.stdout.endswith("other@example.net: on no list\n")


@pytest.mark.parametrize("text", ["example.com", "a@example.com b@example.com", "", "# no"])
def test_what_is_no_entry_is_wrong_use_and_nothing_is_written(blacklist, path, text):
    for command in ("add", "remove"):
        done = blacklist(command, "--list", path, "good@example.net", text)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
    assert path.read_text() == LIST


def test_line_ends_and_a_missing_last_one_are_kept_as_they_are(blacklist, path):
    path.write_bytes(b"\xef\xbb\xbfa@example.com\r\nb@example.com")
    assert blacklist("add", "--list", path, "c@example.com").returncode == 0
    assert path.read_bytes() == b"\xef\xbb\xbfa@example.com\r\nb@example.com\r\nc@example.com\r\n"
    assert blacklist("remove", "--list", path, "b@example.com").returncode == 0
    assert path.read_bytes() == b"\xef\xbb\xbfa@example.com\r\nc@example.com\r\n"


def test_owner_permissions_and_a_link_stay(blacklist, path, tmp_path):
    path.chmod(0o640)
    if os.geteuid() == 0:
        os.chown(path, 12345, 54321)
    before = path.stat()
    link = tmp_path / "link.txt"
    link.symlink_to(path)
    assert blacklist("add", "--list", link, "c@example.com").returncode == 0
    after = path.stat()
    assert link.is_symlink()
    assert (after.st_mode, after.st_uid, after.st_gid) == (
        before.st_mode, before.st_uid, before.st_gid,
    )  # fmt: skip
    assert path.read_text() == f"{LIST}c@example.com\n"


def test_a_broken_list_is_a_sentence_and_stays(blacklist, path):
    path.write_text("wrong\n")
    done = blacklist("add", "--list", path, "c@example.com")
    assert done.returncode == 1
    assert f"{path} line 1: 'wrong' has no @" in done.stderr
    assert path.read_text() == "wrong\n"


def test_a_compressed_list_can_be_asked_and_not_changed(blacklist, tmp_path):
    path = tmp_path / "blocked.txt.gz"
    path.write_bytes(gzip.compress(LIST.encode()))
    assert blacklist("check", "--list", path, "john@example.com").returncode == 0
    done = blacklist("add", "--list", path, "c@example.com")
    assert done.returncode == 1
    assert "is compressed" in done.stderr


def test_a_directory_that_is_everybodys_is_refused(blacklist, path, tmp_path):
    tmp_path.chmod(0o777)
    done = blacklist("add", "--list", path, "c@example.com")
    assert done.returncode == 1
    assert f"{tmp_path} is writable for everybody" in done.stderr
    assert path.read_text() == LIST


def test_the_list_is_the_one_of_the_configuration(blacklist, path, tmp_path):
    senders = tmp_path / "senders.txt"
    senders.write_text("")
    config = configuration(
        tmp_path / "hookframe.toml", recipients=[str(path)], senders=str(senders)
    )
    assert blacklist("add", "c@example.com").returncode == 0
    assert blacklist("add", "--config", config, "--senders", "<>").returncode == 0
    assert blacklist("check", "c@example.com", HOOKFRAME_CONFIG=str(config)).returncode == 0
    assert path.read_text() == f"{LIST}c@example.com\n"
    assert senders.read_text() == "<>\n"


def test_of_several_lists_one_must_be_named(blacklist, path, tmp_path):
    other = tmp_path / "other.txt"
    other.write_text("")
    configuration(tmp_path / "hookframe.toml", recipients=[str(path), str(other)])
    done = blacklist("add", "c@example.com")
    assert done.returncode == 2
    assert f"say --list with one of {path}, {other}" in done.stderr.replace("\n", " ")
    assert blacklist("check", "john@example.com").returncode == 0


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (None, 2),
        ("", 1),
        ("[plugins.blacklist.settings]\nsenders = '/s'\n", 2),
        ("[plugins.blacklist.settings]\nrecipients = 7\n", 1),
        ("= 1\n", 1),
    ],
)
def test_without_a_list_in_the_configuration_it_says_so(blacklist, tmp_path, text, status):
    if text is not None:
        (tmp_path / "hookframe.toml").write_text(text)
    done = blacklist("add", "c@example.com", HOOKFRAME_CONFIG="")
    assert done.returncode == status
    assert "Error: " in done.stderr
    assert "Traceback" not in done.stderr


def test_of_two_who_add_at_once_neither_loses_anything(path):
    def adder(name):
        addresses = (f"{name}{number}@example.net" for number in range(8))
        script = "; ".join(
            f"main(['add', '--list', {str(path)!r}, {each!r}], standalone_mode=False)"
            for each in addresses
        )
        program = f"from hookframe_blacklist.commands import command as main; {script}"
        return subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.DEVNULL)

    adders = [adder(name) for name in "abcd"]
    assert [each.wait(50) for each in adders] == [0] * 4
    entries = parse(path.read_bytes(), str(path), senders=False)
    assert {f"{name}{number}@example.net" for name in "abcd" for number in range(8)} <= entries
    assert {"john@example.com", "@example.org"} <= entries


AT_EACH_CALL = """
import os, signal, sys
from hookframe_blacklist import editing
from hookframe_blacklist.listfile import ListPath
left = int(sys.argv[2])
def die(event, _):
    global left
    if event in {"open", "os.rename", "os.chmod", "os.chown", "os.remove", "fcntl.flock"}:
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(die)
editing.add(ListPath(sys.argv[1], False), ["c@example.com"])
os._exit(0)
"""


def test_who_is_killed_at_any_point_leaves_the_old_list_or_the_new_one(path):
    new = f"{LIST}c@example.com\n"
    seen = set()
    for calls in range(100):
        path.write_text(LIST)
        done = subprocess.run(
            [sys.executable, "-c", AT_EACH_CALL, str(path), str(calls)], timeout=50, check=False
        )
        seen.add(path.read_text())
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL
    assert seen == {LIST, new}
    assert calls > 4
