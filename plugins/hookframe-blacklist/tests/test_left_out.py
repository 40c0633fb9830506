"""`on_bad_line = "skip"`: a line that is no entry is left out, and the log says so."""

from __future__ import annotations

import gzip

import pytest
from hookframe_blacklist import Blacklist, BlacklistError
from hookframe_blacklist.limits import SMALL

from hookframe.testing import eventually

MANY = "".join(f"user{number}@host{number % 97}.example\n" for number in range(12_000))
BIG = "".join(f"user{number}@host{number % 97}.example\n" for number in range(200_000))


@pytest.fixture
def state(tmp_path):
    path = tmp_path / "state"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def opened(state):
    """Makes plugins that leave bad lines out, and are closed in the end."""
    plugins = []

    def make(path, **settings):
        plugins.append(Blacklist())
        given = {"recipients": str(path), "check_every": "0s", "on_bad_line": "skip"} | settings
        plugins[-1].configure(given, str(state))
        return plugins[-1]

    yield make
    for plugin in plugins:
        plugin.close()


@pytest.fixture
def blocks(attempt):
    return lambda plugin, recipient: bool(plugin.pre_delivery_attempt(attempt(recipient=recipient)))


@pytest.mark.parametrize("many", ["a@example.org\n", MANY, BIG], ids=["small", "large", "halves"])
@pytest.mark.parametrize("where", ["first", "last"])
def test_a_bad_line_is_left_out_of_a_list_of_any_size(
    many, where, opened, blocks, tmp_path, caplog
):
    path, last = tmp_path / "blocked.txt", "z@example.org\n"
    path.write_text(f"nobody\n{many}{last}" if where == "first" else f"{many}{last}nobody\n")
    plugin = opened(path)
    number = 1 if where == "first" else many.count("\n") + 2
    said = f"1 line is left out: {path} line {number}: 'nobody' has no @: "
    assert blocks(plugin, "z@example.org")
    assert blocks(plugin, many.partition("\n")[0])
    assert not blocks(plugin, "nobody")
    assert [each for each in caplog.messages if said in each] == caplog.messages != []
    assert [said in each for each in plugin.remarks()] == [True]


def test_without_the_setting_such_a_list_is_refused(opened, tmp_path):
    path = tmp_path / "blocked.txt"
    path.write_text(f"{MANY}nobody\n")
    opened(path)  # whose table must not be taken for that of a list without mistakes
    with pytest.raises(BlacklistError, match="line 12001: 'nobody' has no @"):
        opened(path, on_bad_line="error")


def test_a_process_that_finds_the_table_says_what_was_left_out_too(opened, tmp_path, caplog):
    path = tmp_path / "blocked.txt"
    path.write_text(f"{MANY}nobody\nnothing\n")
    first = opened(path).remarks()
    caplog.clear()
    assert opened(path).remarks() == first
    assert "2 lines are left out" in caplog.text


def test_of_a_compressed_list_too(opened, blocks, tmp_path):
    path = tmp_path / "blocked.gz"
    path.write_bytes(gzip.compress(f"{BIG}nobody\n".encode()))
    assert path.stat().st_size > SMALL
    assert blocks(opened(path), "user199999@host82.example")


@pytest.mark.parametrize("many", ["", "nobody\n" * 40_000], ids=["small", "large"])
def test_a_file_of_which_most_lines_are_no_entries_is_not_taken_for_a_list(many, opened, tmp_path):
    path = tmp_path / "blocked.txt"
    path.write_text(f"{many}<html>\n<body>\nNot found\na@example.org\n")
    with pytest.raises(BlacklistError, match="these are most of its lines, so none is left out"):
        opened(path)


def test_a_mended_line_ends_the_notice(opened, blocks, tmp_path, caplog):
    caplog.set_level("INFO")
    path = tmp_path / "blocked.txt"
    path.write_text("nobody\na@example.org\n")
    plugin = opened(path)
    for _ in range(50):
        assert blocks(plugin, "a@example.org")
    assert caplog.text.count("left out") == 1
    path.write_text("nobody@example.org\na@example.org\n")
    eventually(lambda: blocks(plugin, "nobody@example.org"))
    assert plugin.remarks() == []
    assert f"{path} is right again, and in use" in caplog.text
