"""CONTRACT 2.1: what the operator lays down for each plugin."""

from __future__ import annotations

import pytest

from hookframe import Host

from ..helpers.attempts import ATTEMPT, NORMAL, TEMPFAIL
from ..helpers.site import hook, policy

DUMP = "return {'action': 'dump', 'message': 'dumped'}"
ROUTE = "return {'action': 'new_mtaid', 'new_mtaid': 'p'}"
RAISE = "raise ValueError('no list')"
OVERRIDE = "def around():\n    yield\n    return {'action': 'dump'}\nreturn around()"


@pytest.fixture
def host(site, fake_plugins):
    """Start a host whose chain are the given fake plugins with their tables."""
    return lambda **plugins: site.host(policy(list(plugins), plugins=plugins))


# mode = "shadow"


def test_a_plugin_in_shadow_mode_changes_nothing(host):
    shadowed = host(a={"code": DUMP, "mode": "shadow"}, b={"code": ROUTE})
    assert shadowed.decide(ATTEMPT) == {"action": "new_mtaid", "new_mtaid": "p"}


def test_the_next_plugin_does_not_see_what_a_shadow_would_have_done(host):
    shadowed = host(
        a={"code": DUMP, "mode": "shadow"},
        b={"code": "return {'action': 'pause', 'message': decision['action']}"},
    )
    assert shadowed.decide(ATTEMPT)["message"] == "normal"


def test_what_a_shadow_would_have_done_is_recorded_in_the_log_and_the_trace(host, log):
    shadowed = host(a={"code": DUMP, "mode": "shadow"})
    shadowed.decide(ATTEMPT)
    [line] = log.starting("shadow")
    for words in (ATTEMPT["msguid"], ATTEMPT["recipient"], '"dump"', "dumped", "plugin a"):
        assert words in line
    [vote] = shadowed.explain(ATTEMPT).trace
    assert (vote["mode"], vote["vote"]) == ("shadow", {"action": "dump", "message": "dumped"})
    assert (vote["decision"], vote["changed"]) == (NORMAL, False)


@pytest.mark.parametrize(("name", "code"), [("a", DUMP), ("outer", OVERRIDE)])
def test_what_a_shadow_would_have_done_beyond_the_limit_of_its_lines_is_counted(
    name, code, site, fake_plugins, log
):
    toml = policy([name], plugins={name: {"code": code, "mode": "shadow"}})
    site.configure(f"{toml}\n[limits]\noutput_lines = 5\n")
    with Host.from_config(site.config, watch=False) as host:
        for _ in range(30):
            assert host.decide(ATTEMPT) == NORMAL
        assert host.statistics.snapshot()["plugins"][name]["votes"] == {"dump": 30}
    logged = len(log.starting("shadow"))
    left_out = [int(line.split()[2]) for line in log.all if "left out" in line]
    assert 5 <= logged < 30
    assert logged + sum(left_out) == 30


@pytest.mark.parametrize("code", ["return None", "return {'action': 'normal'}"])
def test_a_shadow_that_would_have_done_nothing_logs_nothing(code, host, log):
    host(a={"code": code, "mode": "shadow"}).decide(ATTEMPT)
    assert log.starting("shadow") == []


@pytest.mark.parametrize("code", [RAISE, "return 'dump'", "raise SystemExit(1)"])
def test_an_error_in_shadow_mode_is_logged_and_changes_nothing(code, host, log):
    shadowed = host(a={"code": code, "mode": "shadow"}, b={"code": ROUTE})
    assert shadowed.decide(ATTEMPT) == {"action": "new_mtaid", "new_mtaid": "p"}
    assert len(log.attempts) == 1
    assert "plugin a" in log.attempts[0]


def test_a_wrapper_in_shadow_mode_changes_nothing_and_is_recorded(host, log):
    shadowed = host(outer={"code": OVERRIDE, "mode": "shadow"}, a={"code": ROUTE})
    assert shadowed.decide(ATTEMPT) == {"action": "new_mtaid", "new_mtaid": "p"}
    assert "plugin outer" in log.starting("shadow")[0]


@pytest.mark.parametrize("code", [RAISE, OVERRIDE.replace("yield", "yield; 1 / 0")])
def test_a_wrapper_in_shadow_mode_that_fails_changes_nothing(code, host, log):
    shadowed = host(outer={"code": code, "mode": "shadow"}, a={"code": ROUTE})
    assert shadowed.decide(ATTEMPT) == {"action": "new_mtaid", "new_mtaid": "p"}
    assert len(log.attempts) == 1


def test_the_file_may_run_in_shadow_mode(site):
    toml = policy(hook_file="hook.py", plugins={"file": {"mode": "shadow"}})
    assert site.host(toml, hook(DUMP)).decide(ATTEMPT) == NORMAL


def test_enforce_is_the_default_mode(host):
    assert host(a={"code": DUMP}).explain(ATTEMPT).trace[0]["mode"] == "enforce"


# on_error = "skip"


@pytest.mark.parametrize("code", [RAISE, "return 'dump'", "raise SystemExit(1)"])
def test_a_skipped_error_is_logged_and_the_chain_goes_on_as_if_none_was_returned(code, host, log):
    going_on = host(
        a={"code": ROUTE},
        b={"code": code, "on_error": "skip"},
        c={"code": "state['seen'] = dict(decision); return None"},
    )
    assert going_on.decide(ATTEMPT) == {"action": "new_mtaid", "new_mtaid": "p"}
    assert going_on.generation.state["seen"] == {"action": "new_mtaid", "new_mtaid": "p"}
    assert len(log.attempts) == 1
    assert "(plugin b)" in log.attempts[0]


def test_one_error_skipped_and_the_next_not(host, log):
    both = host(a={"code": RAISE, "on_error": "skip"}, b={"code": RAISE})
    assert both.decide(ATTEMPT) == TEMPFAIL
    assert len(log.attempts) == 2


def test_a_wrapper_whose_error_is_skipped_leaves_the_decision_as_it_is(host, log):
    for code in (RAISE, OVERRIDE.replace("yield", "yield; 1 / 0")):
        skipping = host(outer={"code": code, "on_error": "skip"}, a={"code": DUMP})
        assert skipping.decide(ATTEMPT) == {"action": "dump", "message": "dumped"}
    assert len(log.attempts) == 2


def test_tempfail_is_the_default_on_an_error(host):
    assert host(a={"code": RAISE}).decide(ATTEMPT) == TEMPFAIL


# may


def test_a_plugin_may_return_the_actions_it_is_allowed(host):
    allowed = host(a={"code": "return {'action': 'pause'}", "may": ["pause"]})
    assert allowed.decide(ATTEMPT) == {"action": "pause"}


def test_another_action_is_an_invalid_return(host, log):
    restricted = host(a={"code": DUMP, "may": ["pause", "new_mtaid"]})
    assert restricted.decide(ATTEMPT) == TEMPFAIL
    [line] = log.attempts
    assert "Invalid return from pre_delivery_attempt_hook: " in line
    for word in ("dump", "may", "pause", "new_mtaid"):
        assert word in line


@pytest.mark.parametrize("may", [[], ["pause"]])
@pytest.mark.parametrize("code", ["return None", "return {'action': 'normal'}"])
def test_none_and_normal_are_always_allowed(may, code, host):
    assert host(a={"code": code, "may": may}).decide(ATTEMPT) == NORMAL


def test_may_holds_for_wrappers_too(host):
    restricted = host(outer={"code": OVERRIDE, "may": ["pause"]}, a={"code": ROUTE})
    assert restricted.decide(ATTEMPT) == TEMPFAIL


def test_a_wrapper_may_pass_on_what_it_might_not_decide_itself(host):
    passing = host(outer={"may": ["pause"]}, a={"code": DUMP})
    assert passing.decide(ATTEMPT) == {"action": "dump", "message": "dumped"}


def test_what_a_shadow_may_not_do_is_an_error_too(host, log):
    shadowed = host(a={"code": DUMP, "may": ["pause"], "mode": "shadow"})
    assert shadowed.decide(ATTEMPT) == NORMAL
    assert "Invalid return" in log.attempts[0]


# settings


def test_each_plugin_gets_its_own_settings_as_plain_values(host):
    keep = "kept['settings'] = settings"
    out = "return {'action': 'pause', 'message': repr(kept['settings']['own'])}"
    own = {"list": [1, 2.5, True], "table": {"k": "v"}}
    settled = host(a={"configure": keep, "code": out, "own": own}, b={"own": 5})
    assert settled.decide(ATTEMPT)["message"] == repr(own)


def test_a_plugin_without_settings_is_configured_with_an_empty_dict(host):
    # the fake plugin gets no settings at all, so it does nothing, and says nothing about them
    assert host(a={}).problem == ""


def test_an_unknown_option_is_a_load_error(site, install):
    install("stack")
    host = site.host(policy(["guard"], plugins={"guard": {"blokced": ["x"]}}))
    assert host.decide(ATTEMPT) == TEMPFAIL
    for words in ("unknown option blokced", "known: blocked", "guard", "acme-guard 1.4.0"):
        assert words in host.problem


def test_settings_for_a_plugin_that_takes_none_are_a_load_error(site, install):
    install("stack")
    host = site.host(policy(["routes"], plugins={"routes": {"default": "p"}}))
    assert host.decide(ATTEMPT) == TEMPFAIL
    for words in ("takes no settings", "default", "routes", "zenith-routes 2.0.1"):
        assert words in host.problem


def test_the_file_gets_its_settings(site):
    head = "def configure(settings):\n    global limit\n    limit = settings['limit']"
    toml = policy(hook_file="hook.py", plugins={"file": {"limit": "five"}})
    host = site.host(toml, hook("return {'action': 'pause', 'message': limit}", head))
    assert host.decide(ATTEMPT)["message"] == "five"


def test_settings_for_a_file_that_takes_none_are_a_load_error(site):
    toml = policy(hook_file="hook.py", plugins={"file": {"limit": 5}})
    host = site.host(toml, hook("return None"))
    assert "limit" in host.problem
    assert host.decide(ATTEMPT) == TEMPFAIL


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"mode": "shadwo"}, ["plugins.a.mode", '"enforce", "shadow" or "off"', "shadwo"]),
        ({"on_error": "ignore"}, ["plugins.a.on_error", '"tempfail" or "skip"', "ignore"]),
        ({"may": ["drop"]}, ["plugins.a.may", "drop", "pause"]),
        ({"may": "pause"}, ["plugins.a.may", "list"]),
        ({"deadline": "soon"}, ["plugins.a.deadline", "soon", "50ms"]),
        ({"deadline": 1}, ["plugins.a.deadline", "50ms"]),
    ],
)
def test_a_mistake_in_a_policy_is_a_load_error_that_says_what_was_expected(table, words, host):
    broken = host(a=table)
    assert broken.decide(ATTEMPT) == TEMPFAIL
    assert [word for word in words if word not in broken.problem] == []
