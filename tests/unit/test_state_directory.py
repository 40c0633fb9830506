"""The state directory is private and lies where nobody else can replace it, or it is refused."""

from __future__ import annotations

import os
import stat
import tempfile
from pathlib import Path

import pytest

from hookframe.files.state_directory import find_state_directory, prepare_state_directory

NOBODY = 65534
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="gives files to another user")


@pytest.fixture
def state(tmp_path):
    """A state directory that is fine."""
    path = tmp_path / "above" / "state"
    path.mkdir(parents=True, mode=0o700)
    path.parent.chmod(0o755)
    return path


def problem_of(path):
    with pytest.raises(ValueError, match="state_directory is ") as caught:
        prepare_state_directory(str(path))
    return str(caught.value)


def test_a_private_directory_is_accepted(state):
    prepare_state_directory(str(state))


def test_one_that_is_missing_is_created_for_this_user_alone(state):
    state.rmdir()
    prepare_state_directory(str(state))
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_one_whose_parent_is_missing_is_refused(tmp_path):
    assert "No such file or directory. Create it" in problem_of(tmp_path / "none" / "state")


@pytest.mark.parametrize("mode", [0o701, 0o710, 0o740, 0o702, 0o777, 0o755])
def test_one_that_others_may_read_or_write_is_refused_with_the_chmod(state, mode):
    state.chmod(mode)
    says = f"others may read or write (mode {mode:04o}): chmod 0700 {state}"
    assert problem_of(state) == f"state_directory is {state}, which {says}"


@as_root
def test_one_of_another_user_is_refused(state):
    os.chown(state, NOBODY, NOBODY)
    assert f"belongs to user {NOBODY}, neither root nor the user" in problem_of(state)


def test_a_file_is_refused(state):
    state.rmdir()
    state.touch(mode=0o700)
    assert "is no directory" in problem_of(state)


def test_a_directory_above_that_others_may_write_is_refused_with_the_chmod(state):
    state.parent.chmod(0o777)
    assert problem_of(state).endswith(
        f"other users may write to {state.parent} (mode 0777), and so replace what is in it: "
        f"chmod go-w {state.parent}"
    )


def test_nothing_is_created_in_a_directory_that_others_may_write(state):
    state.rmdir()
    state.parent.chmod(0o777)
    problem_of(state)
    assert not state.exists()


def test_a_sticky_directory_above_is_accepted():
    with tempfile.TemporaryDirectory() as name:
        sticky = Path(name) / "sticky"
        sticky.mkdir()
        sticky.chmod(0o1777)
        prepare_state_directory(str(sticky / "state"))
        prepare_state_directory(str(sticky / "state"))


@as_root
def test_a_sticky_directory_is_refused_if_the_entry_below_is_another_users(state):
    state.parent.parent.chmod(0o1777)
    prepare_state_directory(str(state))
    os.chown(state.parent, NOBODY, NOBODY)
    said = problem_of(state)
    assert f"{state.parent} belongs to user {NOBODY}" in said


@as_root
def test_a_directory_above_of_another_user_is_refused(state):
    os.chown(state.parent, NOBODY, NOBODY)
    assert f"{state.parent} belongs to user {NOBODY}, neither root nor" in problem_of(state)


def test_the_target_of_a_link_has_to_lie_safely_too(state, tmp_path):
    link = tmp_path / "link"
    link.symlink_to(state)
    prepare_state_directory(str(link))
    state.parent.chmod(0o777)
    assert f"other users may write to {state.parent}" in problem_of(link)


@pytest.mark.parametrize(
    ("configured", "variable", "found"),
    [
        ("/here", "/there", "/here"),
        (None, "/there", "/there"),
        (None, "/first:/second", "/first"),
        (None, "", None),
        (None, None, None),
    ],
)
def test_the_directory_of_systemd_is_taken_where_none_is_configured(
    monkeypatch, configured, variable, found
):
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    if variable is not None:
        monkeypatch.setenv("STATE_DIRECTORY", variable)
    assert find_state_directory(configured) == found
