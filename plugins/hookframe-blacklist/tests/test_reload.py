from __future__ import annotations

import errno
import gc
import os
import re
import shutil
import socket
import sys
import traceback
from contextlib import suppress
from pathlib import Path

import pytest
from hookframe_blacklist import BlacklistError
from hookframe_blacklist.listfile import ListPath, look

from hookframe.testing import eventually

ONE, TWO = "one@example.org", "two@example.org"
MEND = (
    "A list that can't be read is not taken for an empty one: put a text file there with one entry "
    "a line, readable for the user that runs hookframe, or take it out of the settings"
)


@pytest.fixture
def path(tmp_path):
    """A list that holds ONE."""
    path = tmp_path / "blocked.txt"
    path.write_text(f"{ONE}\n")
    return path


@pytest.fixture
def blocks(attempt):
    """Says whether a plugin blocks a recipient."""
    return lambda plugin, recipient: bool(plugin.pre_delivery_attempt(attempt(recipient=recipient)))


def in_place(path):
    path.write_text(f"{TWO}\n")


def appended(path):
    with path.open("a") as file:
        file.write(f"{TWO}\n")


def renamed_over(path):
    new = path.with_suffix(".new")
    new.write_text(f"{TWO}\n")
    new.replace(path)


def moved_from_elsewhere(path):
    elsewhere = path.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "new").write_text(f"{TWO}\n")
    shutil.move(elsewhere / "new", path)


def removed_and_written(path):
    path.unlink()
    path.write_text(f"{TWO}\n")


def with_size_and_time_as_before(path):
    before = path.stat()
    path.write_text(f"{TWO}\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_mtime_ns == before.st_mtime_ns
    assert path.stat().st_size == before.st_size


def replaced_by_an_older_file(path):
    new = path.with_suffix(".old")
    new.write_text(f"{TWO}\n")
    os.utime(new, (1_000_000_000, 1_000_000_000))
    new.replace(path)


@pytest.mark.parametrize(
    "change",
    [
        in_place,
        appended,
        renamed_over,
        moved_from_elsewhere,
        removed_and_written,
        with_size_and_time_as_before,
        replaced_by_an_older_file,
    ],
)
def test_a_changed_list_is_read_again_however_it_was_changed(configured, blocks, path, change):
    plugin = configured(recipients=str(path))
    assert blocks(plugin, ONE)
    assert not blocks(plugin, TWO)
    change(path)
    assert blocks(plugin, TWO)
    assert blocks(plugin, ONE) is (change is appended)


def test_a_list_behind_a_swapped_symlink_is_read_again(configured, blocks, tmp_path):
    for name, entry in (("..one", ONE), ("..two", TWO)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "blocked.txt").write_text(f"{entry}\n")
    (tmp_path / "data").symlink_to("..one")
    plugin = configured(recipients=str(tmp_path / "data" / "blocked.txt"))
    assert blocks(plugin, ONE)
    (tmp_path / "swap").symlink_to("..two")
    (tmp_path / "swap").replace(tmp_path / "data")
    assert blocks(plugin, TWO)
    assert not blocks(plugin, ONE)


@pytest.mark.slow
def test_changes_faster_than_the_file_systems_clock_are_all_seen(configured, blocks, path):
    plugin = configured(recipients=str(path))
    for recipient, other in [(TWO, ONE), (ONE, TWO)] * 200:
        path.write_text(f"{recipient}\n")
        assert blocks(plugin, recipient)
        assert not blocks(plugin, other)


def test_a_list_that_changed_moments_before_it_was_read_is_read_once_more(path):
    where = ListPath(str(path), senders=False)
    fresh = look(where, None)
    outdated = fresh._replace(fingerprint=None, entries=frozenset({TWO}))
    assert look(where, outdated).entries == {ONE}


@pytest.mark.slow
def test_a_list_that_has_lain_still_costs_one_stat(path):
    where = ListPath(str(path), senders=False)
    lists = [look(where, None)]
    eventually(lambda: lists.append(look(where, lists[-1])) or lists[-1] is lists[-2])
    assert lists[-1].entries is lists[0].entries
    with_size_and_time_as_before(path)
    assert look(where, lists[-1]).entries == {TWO}


def test_lists_are_not_looked_at_more_often_than_asked_for(configured, blocks, path):
    seldom = configured(recipients=str(path), check_every="1h")
    often = configured(recipients=str(path), check_every="20ms")
    path.write_text(f"{TWO}\n")
    eventually(lambda: blocks(often, TWO))
    assert blocks(seldom, ONE)
    path.unlink()
    assert blocks(seldom, ONE)


def test_configuring_looks_at_the_lists_whatever_the_interval(configured, blocks, path):
    settings = {"recipients": str(path), "check_every": "1h"}
    plugin = configured(**settings)
    path.write_text(f"{TWO}\n")
    plugin.configure(settings)
    assert blocks(plugin, TWO)


def test_a_list_that_disappears_is_an_error_until_it_is_back(configured, blocks, path):
    plugin = configured(recipients=str(path))
    path.rename(path.with_suffix(".gone"))
    for recipient in (ONE, TWO, ONE):
        with pytest.raises(BlacklistError) as caught:
            blocks(plugin, recipient)
        assert str(caught.value) == f"{path} does not exist. {MEND}"
    path.with_suffix(".gone").rename(path)
    assert blocks(plugin, ONE)
    assert not blocks(plugin, TWO)


def test_between_two_looks_the_error_stays_and_gathers_no_tracebacks(configured, blocks, path):
    plugin = configured(recipients=str(path), check_every="50ms")
    path.rename(path.with_suffix(".gone"))
    depths = set()

    def works() -> bool:
        try:
            return blocks(plugin, ONE)
        except BlacklistError as error:
            depths.add(len(traceback.extract_tb(error.__traceback__)))
            return False

    eventually(lambda: not works())
    assert not any(works() for _ in range(500))
    assert len(depths) == 1
    path.with_suffix(".gone").rename(path)
    eventually(works)


def test_a_broken_line_is_an_error_at_every_attempt_until_it_is_mended(configured, blocks, path):
    plugin = configured(recipients=str(path))
    path.write_text(f"{TWO}\nexample.com\n")
    for recipient in (ONE, TWO, ONE):
        with pytest.raises(BlacklistError, match=f"{path} line 2: 'example.com' has no @"):
            blocks(plugin, recipient)
    path.write_text(f"{TWO}\n")
    assert blocks(plugin, TWO)
    assert not blocks(plugin, ONE)


def test_of_several_lists_each_that_is_broken_is_named(configured, blocks, tmp_path):
    paths = {name: tmp_path / name for name in ("a", "b", "c")}
    for path in paths.values():
        path.write_text("")
    plugin = configured(recipients=[str(paths["a"]), str(paths["b"])], senders=str(paths["c"]))
    paths["a"].unlink()
    paths["b"].write_text(f"{TWO}\n")
    paths["c"].write_text("wrong\n")
    with pytest.raises(BlacklistError) as caught:
        blocks(plugin, ONE)
    missing, wrong = str(caught.value).split("; ")
    assert missing.startswith(f"{paths['a']} does not exist. ")
    assert wrong.startswith(f"{paths['c']} line 1: 'wrong'")
    paths["a"].write_text(f"{ONE}\n")
    paths["c"].write_text("@example.com\n")
    assert blocks(plugin, ONE)
    assert blocks(plugin, TWO)


def test_an_emptied_list_blocks_nobody(configured, blocks, path):
    plugin = configured(recipients=str(path))
    path.write_text("# nobody at the moment\n")
    assert not blocks(plugin, ONE)


def a_directory(path):
    path.mkdir()


def a_fifo(path):
    os.mkfifo(path)


def a_socket(path):
    here = os.open(path.parent, os.O_RDONLY)
    try:  # a socket's path has to be short, which tmp_path is not always
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(f"/proc/self/fd/{here}/{path.name}")
    finally:
        os.close(here)


def a_device(path):
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("instead", [a_directory, a_fifo, a_socket, a_device])
def test_what_is_not_a_file_is_an_error_at_once(configured, blocks, path, instead):
    plugin = configured(recipients=str(path))
    path.unlink()
    instead(path)
    kind = instead.__name__.replace("_", " ").replace("fifo", "FIFO")
    says = f"{path} is {kind}, not a regular file. {MEND}"
    for _ in range(2):
        with pytest.raises(BlacklistError) as caught:
            blocks(plugin, ONE)
        assert str(caught.value) == says
    with pytest.raises(BlacklistError) as caught:
        configured(recipients=str(path))
    assert str(caught.value) == says


def test_a_list_without_permission_to_read_is_an_error(configured, blocks, path, as_nobody):
    plugin = configured(recipients=str(path))
    why = re.escape(os.strerror(errno.EACCES))
    path.chmod(0)
    with (
        as_nobody(),
        pytest.raises(BlacklistError, match=rf"blocked\.txt: {why}\. A list"),
    ):
        configured(recipients=str(path))
    path.touch()
    with (
        as_nobody(),
        pytest.raises(BlacklistError, match=rf"blocked\.txt: {why}\. A list"),
    ):
        blocks(plugin, ONE)


def test_a_list_under_what_is_not_a_directory_is_an_error(configured, path):
    with pytest.raises(BlacklistError, match=r"list\.txt: Not a directory\. A list"):
        configured(recipients=str(path / "list.txt"))


def test_a_reload_that_a_deadline_cuts_short_is_made_at_the_next_attempt(configured, blocks, path):
    plugin = configured(recipients=str(path), check_every="200ms")
    path.write_text("#\n" * 130_000 + f"{TWO}\n")

    def run_out_of_time(frame, event, _):
        """Raise where a deadline's signal may: between two calls of the function that parses."""
        if event == "c_return" and frame.f_code.co_name == "read_list":
            raise TimeoutError("out of time")

    sys.setprofile(run_out_of_time)
    try:
        with pytest.raises(TimeoutError, match="out of time"):
            _until_it_raises(lambda: blocks(plugin, ONE))
    finally:
        sys.setprofile(None)
    assert blocks(plugin, TWO)
    assert not blocks(plugin, ONE)


def _until_it_raises(call):
    while call():
        pass


def test_no_descriptor_is_left_open(configured, blocks, path):
    plugin = configured(recipients=str(path))
    gc.collect()
    before = _open_descriptors()
    for text in (f"{TWO}\n", "wrong\n", f"{ONE}\n") * 5:
        path.write_text(text)
        with suppress(BlacklistError):
            blocks(plugin, ONE)
    assert _open_descriptors() == before


def _open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
