"""A rule file that changes while attempts are decided."""

from __future__ import annotations

import os
import sys
import time

import pytest
from hookframe_routing import Routing, RoutingError
from hookframe_routing.rulefile import RuleFile

from hookframe.testing import eventually

OLD = '[[rule]]\nnew_mtaid = "old"\n'
NEW = '[[rule]]\nnew_mtaid = "new"\n'
HOUR = 3600.0


class Clock:
    """A clock that a test moves on."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "routing.toml"
    path.write_text(OLD)
    return path


@pytest.fixture
def rules(file, clock):
    rules = RuleFile(str(file), frozenset(), 1.0, clock)
    rules.refresh()
    return rules


@pytest.fixture(scope="module")
def opened():
    """The paths that this process opens; a hook for audits can't be taken out again."""
    paths = []
    sys.addaudithook(lambda event, args: paths.append(args[0]) if event == "open" else None)
    return paths


def given(table, attempt):
    return table.first_match(attempt()).decision["new_mtaid"]


def until(done, clock):
    """Let attempts pass, a second apart, until one shows what is awaited."""

    def a_second_later():
        clock.now += 1.0
        return done()

    return eventually(a_second_later)


def save_in_place(file, text):
    file.write_text(text)


def save_by_rename(file, text):
    other = file.with_suffix(".new")
    other.write_text(text)
    other.rename(file)


def save_with_the_old_time(file, text):
    before = file.stat()
    file.write_text(text)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def save_with_a_time_to_come(file, text):
    file.write_text(text)
    os.utime(file, (time.time() + HOUR, time.time() + HOUR))


def save_as_a_swapped_link(file, text):
    target = file.with_suffix(".target")
    target.write_text(text)
    link = file.with_suffix(".link")
    link.symlink_to(target)
    link.replace(file)


@pytest.mark.parametrize(
    "save",
    [
        save_in_place,
        save_by_rename,
        save_with_the_old_time,
        save_with_a_time_to_come,
        save_as_a_swapped_link,
    ],
)
def test_a_changed_file_is_taken_over_however_it_was_saved(rules, file, clock, attempt, save):
    assert given(rules.table(), attempt) == "old"
    save(file, NEW)
    until(lambda: given(rules.table(), attempt) == "new", clock)


def test_the_file_is_looked_at_no_more_often_than_the_settings_say(rules, file, clock, attempt):
    file.unlink()
    clock.now = 0.9
    assert given(rules.table(), attempt) == "old"
    clock.now = 1.0
    with pytest.raises(RoutingError):
        rules.table()


def test_a_file_that_is_gone_is_an_error_in_every_attempt_until_it_is_back(
    rules, file, clock, attempt
):
    file.rename(file.with_suffix(".away"))
    clock.now += 1.0
    errors = []
    for _ in range(3):
        with pytest.raises(RoutingError, match=r"routing\.toml does not exist; ") as caught:
            rules.table()
        errors.append(caught.value)
    assert len(set(map(id, errors))) == 3
    file.with_suffix(".away").rename(file)
    assert until(lambda: attempted(rules), clock)


def attempted(rules):
    try:
        return rules.table()
    except RoutingError:
        return None


def test_a_file_that_becomes_wrong_is_an_error_in_every_attempt_until_it_is_mended(
    rules, file, clock, attempt
):
    file.write_text(f"{OLD}[[rule]]\npause = 5\n")
    until(lambda: attempted(rules) is None, clock)
    for _ in range(3):
        clock.now += 1.0
        with pytest.raises(RoutingError) as caught:
            rules.table()
        assert str(caught.value) == (
            f"{file}: line 3: rule 2: pause: 5; expected a message, or true for none"
        )
    file.write_text(NEW)
    assert given(until(lambda: attempted(rules), clock), attempt) == "new"


def test_a_file_that_becomes_empty_is_an_error_and_not_an_empty_table(rules, file, clock):
    file.write_text("")
    until(lambda: attempted(rules) is None, clock)
    with pytest.raises(RoutingError, match="there is none; expected at least one"):
        rules.table()


def test_a_file_that_is_touched_keeps_its_table(rules, file, clock):
    table = rules.table()
    for _ in range(3):
        file.touch()
        clock.now += 1.0
        assert rules.table() is table


def test_a_file_saved_just_now_is_read_again_as_its_time_proves_nothing_yet(
    rules, file, clock, opened
):
    # It may have been written once more within the same tick of the file system's clock.
    save_in_place(file, OLD)
    for _ in range(2):
        opened.clear()
        until(lambda: rules.table() and os.fspath(file) in opened, clock)


@pytest.mark.slow
def test_an_unchanged_file_is_not_opened_again(file, clock, opened, attempt):
    while time.time() - file.stat().st_ctime <= 2.0:  # nobody can set this time back
        time.sleep(0.1)
    opened.clear()
    plugin = Routing()
    settings = {"file": str(file), "check_every": "0s"}
    for _ in range(3):
        plugin.configure(settings)
        assert plugin.pre_delivery_attempt(attempt())["new_mtaid"] == "old"
    assert opened.count(os.fspath(file)) == 1


@pytest.mark.slow
def test_a_wrong_file_that_stays_as_it_is_is_not_read_at_every_try(file, opened):
    file.write_text("[[rule]]\n")
    while time.time() - file.stat().st_ctime <= 2.0:
        time.sleep(0.1)
    opened.clear()
    plugin = Routing()
    texts = set()
    for _ in range(3):
        with pytest.raises(RoutingError, match="gives nothing") as caught:
            plugin.configure({"file": str(file)})
        texts.add(str(caught.value))
    assert len(texts) == 1
    assert opened.count(os.fspath(file)) == 1
    file.write_text(NEW)
    plugin.configure({"file": str(file)})


def test_a_new_generation_takes_over_a_changed_file_at_once(file, attempt):
    plugin = Routing()
    settings = {"file": str(file), "check_every": "1h"}
    plugin.configure(settings)
    file.write_text(NEW)
    assert plugin.pre_delivery_attempt(attempt())["new_mtaid"] == "old"
    plugin.configure(settings)
    assert plugin.pre_delivery_attempt(attempt())["new_mtaid"] == "new"


def test_a_new_generation_refuses_a_file_that_became_wrong(file):
    plugin = Routing()
    plugin.configure({"file": str(file)})
    file.write_text("[[rule]]\n")
    with pytest.raises(RoutingError, match="line 1: rule 1: gives nothing"):
        plugin.configure({"file": str(file)})
    file.unlink()
    with pytest.raises(RoutingError, match="does not exist"):
        plugin.configure({"file": str(file)})


def test_a_new_generation_with_unchanged_rules_keeps_them_though_its_caller_reuses_the_dict(
    routing, attempt
):
    plugin = Routing()
    settings = {"rule": [{"new_mtaid": "a"}]}
    plugin.configure(settings)
    settings["rule"][0]["new_mtaid"] = "b"
    plugin.configure(settings)
    assert plugin.pre_delivery_attempt(attempt())["new_mtaid"] == "b"


@pytest.mark.slow
def test_a_table_that_takes_long_to_load_keeps_no_attempt_waiting(rules, file, clock, attempt):
    many = "".join(
        f'[[rule]]\nmatch.recipient = "r{number}@example.com"\nnew_mtaid = "many"\n'
        for number in range(5000)
    )
    file.write_text(many + NEW)
    seen = []

    def done():
        seen.append(given(rules.table(), attempt))
        return seen[-1] == "new"

    until(done, clock)
    assert set(seen) == {"old", "new"}
    assert rules.table().first_match(attempt(recipient="r7@example.com")).number == 8
