"""`hookframe.log.log`: the words of the log, and a log that is mute."""

from __future__ import annotations

import tracemalloc

import pytest

from hookframe import Host
from hookframe.api.errors import Origin, PluginError
from hookframe.api.events import Failure, ShadowVote
from hookframe.log import rate
from hookframe.log.log import LONGEST_TEXT, Log

from ..helpers.attempts import ATTEMPT
from ..helpers.site import hook, policy

ORIGIN = Origin("guard", "acme-guard", "1.0")


class Unspeakable:
    """Something that nobody may look at while the log is mute."""

    def __getitem__(self, key):
        raise AssertionError("it was formatted")

    def __str__(self):
        raise AssertionError("it was formatted")

    def __len__(self):
        raise AssertionError("it was formatted")

    def __getattr__(self, name):
        raise AssertionError("it was formatted")


def say_everything(log, what):
    """Call everything that writes a line."""
    log.loading(what)
    log.malformed(what, what)
    log.events(what, [what])
    log.observer(what, what)
    log.lost(what, what)
    log.output("file", what)
    log.left_out("file", what, what)
    log.info(what)
    log.warning(what)
    log.error(what)


def test_a_mute_log_says_and_formats_nothing(log):
    muted = Log()
    muted.mute()
    say_everything(muted, Unspeakable())
    assert log.all == []


def test_a_log_that_was_mute_speaks_again(log):
    muted = Log()
    muted.mute()
    muted.info("one")
    muted.unmute()
    muted.info("two")
    assert log.all == ["two"]


def test_what_a_plugin_prints_while_the_log_is_mute_counts_for_its_limit(log, site, monkeypatch):
    monkeypatch.setattr(rate, "monotonic", lambda: 100.0)
    site.configure(policy(hook_file="hook.py"), hook("for n in range(70): print('line', n)"))
    muted = Log()
    muted.mute()
    with Host.from_config(site.config, watch=False, log=muted) as host:
        host.decide(ATTEMPT)
        muted.unmute()
        host.decide(ATTEMPT)
    *lines, left_out = log.printed
    assert lines == [f"plugin file: line {number}" for number in range(30)]
    assert left_out.startswith("plugin file: 40 more lines left out")


def test_a_log_is_looked_after_even_while_it_is_mute(log):
    looked_after = []
    muted = Log(upkeep=lambda: looked_after.append(1))
    muted.mute()
    muted.run_upkeep()
    Log().run_upkeep()
    assert looked_after == [1]


def test_left_out_lines_are_said_with_the_plugins_name_and_the_setting(log):
    Log().left_out("guard", 12345, 100)
    Log().left_out("guard", 1, 100)
    assert log.all == [
        "plugin guard: 12345 more lines left out: it may print 100 a second (limits.output_lines)",
        "plugin guard: 1 more line left out: it may print 100 a second (limits.output_lines)",
    ]
    assert log.levels == ["WARNING", "WARNING"]


@pytest.mark.slow
def test_a_text_without_an_end_is_cut_and_what_follows_it_is_not(log):
    text = "x" * 50_000_000
    error = PluginError(ORIGIN, "attempt", text)
    Log().events(ATTEMPT, [Failure(error, skipped=True)])
    Log().events(ATTEMPT, [ShadowVote(ORIGIN, {"action": "new_config", "new_sender": text})])
    Log().observer(ATTEMPT, error)
    for say in (Log().loading, Log().info, Log().warning, Log().error):
        say(text)
    assert all(len(line) < LONGEST_TEXT + 300 for line in log.all)
    assert all("… (500000" in line for line in log.all)
    failure, shadow, observer = log.all[:3]
    assert failure.endswith(" (50000000 characters) (plugin guard), skipped")
    assert shadow.endswith(" (plugin guard)")
    assert observer.endswith(" (plugin guard), the decision stands")


# Equal lines


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets."""
    now = [100.0]
    monkeypatch.setattr(rate, "monotonic", lambda: now[0])
    return now


def raised(place, text="x"):
    """Make the error of a plugin that was raised in a function."""
    try:
        place(text)
    except ValueError as error:
        return PluginError(ORIGIN, "attempt", f"ValueError: {text}", error)


def here(text):
    raise ValueError(text)


def there(text):
    raise ValueError(text)


def fail(log, place, text):
    """Log an error that was raised in an attempt."""
    log.events({**ATTEMPT, "recipient": text}, [Failure(raised(place, text), skipped=False)])


def test_of_equal_errors_ten_a_second_are_logged_and_the_others_counted(log, clock):
    ours = Log()
    for second in range(9):
        for number in range(500):
            fail(ours, here, f"{second}.{number}")
        clock[0] += 1
        ours.run_upkeep()
    assert len(log.all) == 90
    clock[0] += 1
    ours.run_upkeep()
    assert log.all[90:] == [
        "error in pre_delivery_attempt_hook: error: ValueError: 8.499 (plugin guard) "
        "… and 4,410 more like this in 10 s"
    ]
    assert set(log.levels) == {"ERROR"}


def test_errors_of_another_place_or_plugin_are_not_equal(log, clock):
    ours = Log()
    for number in range(15):
        fail(ours, here, str(number))
    fail(ours, there, "of another place")
    other = PluginError(Origin("b"), "attempt", "of another plugin", raised(here).cause)
    ours.events(ATTEMPT, [Failure(other, skipped=True)])
    assert len(log.all) == 12
    assert "of another place" in log.all[10]
    assert "of another plugin" in log.all[11]


FLOODS = {
    "malformed": lambda ours, n: ours.malformed({"msguid": n}, f"mtaid is {n}"),
    "observer": lambda ours, n: ours.observer({"msguid": n}, raised(here, str(n))),
    "lost": lambda ours, n: ours.lost({"msguid": n}, f"the worker died: {n}"),
    "info": lambda ours, _: ours.info("again"),
    "warning": lambda ours, _: ours.warning("again"),
    "error": lambda ours, _: ours.error("again"),
}


@pytest.mark.parametrize("name", FLOODS)
def test_no_line_is_unlimited(log, clock, name):
    ours = Log()
    for number in range(1011):
        FLOODS[name](ours, number)
    assert len(log.all) == 10
    ours.run_upkeep(force=True)
    assert len(log.all) == 11
    assert log.all[10].endswith(" … and 1,001 more like this in 1 s")
    assert log.levels[10] == log.levels[0]


def test_lines_that_never_come_twice_fill_no_memory(clock):
    ours = Log()
    tracemalloc.start()
    for number in range(20_000):
        ours.info(f"line {number}")
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 1 << 20


def test_a_command_shows_every_line(log, clock):
    class Unlimited(Log):
        limited = False

    ours = Unlimited()
    for number in range(30):
        fail(ours, here, str(number))
    assert len(log.all) == 30


def test_an_error_of_an_exception_that_hides_its_traceback_is_logged(log):
    class Hiding(ValueError):
        @property
        def __traceback__(self):
            raise AssertionError("it was asked")

    try:
        raise Hiding
    except ValueError as error:
        Log().events(ATTEMPT, [Failure(PluginError(ORIGIN, "attempt", "x", error), skipped=False)])
    assert len(log.errors) == 1
