"""`hookframe.log.log`: the words of the log, and a log that is mute."""

from __future__ import annotations

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
