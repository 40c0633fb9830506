"""The plugin as an operator meets it: installed, in a chain, configured by `hookframe.toml`."""

from __future__ import annotations

import json
from pathlib import Path

import importlib_metadata
import pytest
from hookframe_blacklist import Blacklist
from loguru import logger

from hookframe import TEMPFAIL_MESSAGE, Host
from hookframe.testing import eventually

MESSAGE = "This address is on an internal blacklist. (#5.7.1)"
DUMP = {"action": "dump", "message": MESSAGE}
NORMAL = {"action": "normal"}
TEMPFAIL = {"action": "pause", "message": TEMPFAIL_MESSAGE, "error": True}


@pytest.fixture
def blocked(tmp_path):
    path = tmp_path / "blocked.txt"
    path.write_text("user@example.org\n")
    return path


@pytest.fixture
def configuration(tmp_path):
    """Writes a `hookframe.toml` with these settings of the plugin."""

    def write(top: str = "", **settings: object) -> str:
        lines = [f"{key} = {json.dumps(value)}" for key, value in settings.items()]
        text = "\n".join([top, "[plugins.blacklist.settings]", *lines, ""])
        path = tmp_path / "hookframe.toml"
        new = path.with_suffix(".new")
        new.write_text(text)
        new.replace(path)
        return str(path)

    return write


@pytest.fixture
def logged():
    """What reaches the log."""
    lines: list[str] = []
    sink = logger.add(lines.append, format="{message}")
    yield lines
    logger.remove(sink)


def test_the_plugin_is_found_by_its_name():
    [entry] = importlib_metadata.entry_points(group="hookframe", name="blacklist")
    assert entry.dist.name == "hookframe-blacklist"
    assert entry.load() is Blacklist


def test_a_listed_recipient_is_dumped_and_others_are_left_alone(configuration, blocked, attempt):
    path = configuration('chain = ["blacklist"]', recipients=[str(blocked)])
    with Host.from_config(path, watch=False) as host:
        assert host.decide(attempt()) == DUMP
        assert host.decide(attempt(recipient="other@example.org")) == NORMAL
        [vote] = host.explain(attempt()).trace
    assert (vote["plugin"], vote["distribution"]) == ("blacklist", "hookframe-blacklist")
    assert vote["vote"] == DUMP


def test_a_change_of_the_list_is_live_without_a_reload_of_the_chain(
    configuration, blocked, attempt
):
    path = configuration(recipients=str(blocked), check_every="20ms")
    with Host.from_config(path, watch=False) as host:
        blocked.write_text("other@example.org\n")
        eventually(lambda: host.decide(attempt()) == NORMAL)
        assert host.decide(attempt(recipient="other@example.org")) == DUMP


def test_a_list_that_disappears_temp_fails_every_attempt_until_it_is_back(
    configuration, blocked, attempt, logged
):
    path = configuration(recipients=str(blocked), check_every="0s")
    with Host.from_config(path, watch=False) as host:
        blocked.rename(blocked.with_suffix(".gone"))
        for recipient in ("user@example.org", "other@example.org"):
            assert host.decide(attempt(recipient=recipient)) == TEMPFAIL
            [line] = [line for line in logged if f"recipient=[{recipient}]" in line]
            assert f"{blocked} does not exist. A list that can't be read" in line
            assert "(plugin blacklist" in line
        blocked.with_suffix(".gone").rename(blocked)
        assert host.decide(attempt()) == DUMP
        assert host.decide(attempt(recipient="other@example.org")) == NORMAL


@pytest.mark.slow
def test_a_list_that_is_missing_at_the_start_is_taken_up_once_it_is_there(
    configuration, blocked, attempt
):
    blocked.rename(blocked.with_suffix(".gone"))
    with Host.from_config(configuration(recipients=str(blocked))) as host:
        assert host.decide(attempt()) == TEMPFAIL
        assert f"{blocked} does not exist. A list that can't be read" in host.problem
        blocked.with_suffix(".gone").rename(blocked)
        eventually(lambda: host.decide(attempt()) == DUMP)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "no list is named: set recipients ="),
        ({"recipients": "no.txt"}, "/no.txt does not exist. A list that can't be read"),
        ({"recipients": "/", "check": 1}, "unknown setting 'check'; there are: recipients, "),
        ({"recipients": "/"}, "/ is a directory, not a regular file"),
    ],
)
def test_a_wrong_setting_is_a_load_error_with_the_plugins_name(
    configuration, attempt, settings, says
):
    with Host.from_config(configuration(**settings), watch=False) as host:
        assert host.decide(attempt()) == TEMPFAIL
        assert says in host.problem
        assert "plugin blacklist, hookframe-blacklist 0.1.0" in host.problem


def test_a_relative_path_starts_at_the_directory_of_the_configuration(
    configuration, blocked, attempt
):
    path = configuration(recipients=blocked.name)
    assert Path(path).parent == blocked.parent
    with Host.from_config(path, watch=False) as host:
        assert host.decide(attempt()) == DUMP


def test_new_settings_are_live_without_a_restart(configuration, blocked, attempt):
    with Host.from_config(configuration(recipients=str(blocked))) as host:
        assert host.decide(attempt()) == DUMP
        configuration(recipients=str(blocked), action="pause", message="Later. (#4.7.1)")
        later = {"action": "pause", "message": "Later. (#4.7.1)"}
        eventually(lambda: host.decide(attempt()) == later)


def test_the_last_good_settings_stay_where_the_operator_chose_so(configuration, blocked, attempt):
    keep = 'on_load_error = "keep"'
    with Host.from_config(configuration(keep, recipients=str(blocked))) as host:
        configuration(keep, recipients=str(blocked.parent / "none"))
        eventually(lambda: host.decide(attempt()) and "can't be read" in host.problem)
        assert host.decide(attempt()) == DUMP
