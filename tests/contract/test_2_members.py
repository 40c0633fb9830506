"""What the contract promises about the members of a chain: files, instances, modes, shadows."""

from __future__ import annotations

import pytest

from hookframe.testing import eventually

from ..helpers.attempts import ATTEMPT, NORMAL, TEMPFAIL, attempt
from ..helpers.site import hook, policy

APPEND = "state.setdefault('called', []).append({name!r})"
PAUSE = {"action": "pause", "message": "later"}


@pytest.fixture
def hooks(site):
    """Write hook files into the directory `hooks`."""
    directory = site.directory / "hooks"
    directory.mkdir()

    def write(**bodies):
        for name, body in bodies.items():
            (directory / f"{name}.py").write_text(hook(body), "utf-8")
        return directory

    return write


WRAP = "def around():\n    yield\n    {body}\nreturn around()"


# Paths


def test_hook_files_stand_in_the_chain_by_their_paths_and_are_called_in_order(site, hooks):
    hooks(
        first=APPEND.format(name="first"),
        second=APPEND.format(name="second"),
        last="return {'action': 'pause', 'message': ' '.join(state['called'])}",
    )
    host = site.host(policy(["hooks/second.py", "./hooks/first.py", "hooks/last.py"]))
    assert host.problem == ""
    assert host.decide(ATTEMPT) == {"action": "pause", "message": "second first"}
    assert [plugin.name for plugin in host.generation.plugins] == ["second", "first", "last"]


def test_a_path_is_relative_to_the_configuration_wherever_the_program_runs(
    site, hooks, tmp_path_factory, monkeypatch
):
    hooks(only="return {'action': 'dump'}")
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert site.host(policy(["hooks/only.py"])).decide(ATTEMPT) == {"action": "dump"}


def test_a_file_in_the_directory_itself_needs_no_slash(site):
    site.save(hook("return {'action': 'dump'}"))
    assert site.host(policy(["hook.py"])).decide(ATTEMPT) == {"action": "dump"}


def test_a_hook_files_table_has_its_name(site, hooks):
    hooks(quiet="return {'action': 'dump'}")
    host = site.host(policy(["hooks/quiet.py"], plugins={"quiet": {"mode": "shadow"}}))
    assert host.decide(ATTEMPT) == NORMAL


@pytest.mark.parametrize("name", ["one", "two"])
def test_each_of_several_files_is_live_when_it_is_saved(site, hooks, name):
    directory = hooks(one="return None", two="return None")
    host = site.host(policy(["hooks/one.py", "hooks/two.py"]), watch=True)
    assert host.decide(ATTEMPT) == NORMAL
    (directory / f"{name}.py").write_text(hook("return {'action': 'dump'}"), "utf-8")
    eventually(lambda: host.decide(ATTEMPT) == {"action": "dump"})


def test_an_error_names_the_file_it_happened_in(site, hooks, log):
    hooks(good="return None", bad="return 1 / 0")
    host = site.host(policy(["hooks/good.py", "hooks/bad.py"]))
    assert host.decide(ATTEMPT) == TEMPFAIL
    [line] = log.attempts
    assert "ZeroDivisionError" in line
    assert line.endswith("hooks/bad.py line 2 (plugin bad)")


def test_a_file_that_is_missing_is_a_load_error_with_its_path(site):
    host = site.host(policy(["hooks/gone.py"]))
    assert f"can't read the hook file: {site.directory}/hooks/gone.py" in host.problem
    assert "plugin gone" in host.problem


@pytest.mark.parametrize(
    ("chain", "both"),
    [
        (["a/x.py", "b/x.py"], '"a/x.py" and "b/x.py"'),
        (["blacklist.py", "blacklist"], '"blacklist.py" and "blacklist"'),
        (["./x.py", "x.py"], '"./x.py" and "x.py"'),
    ],
)
def test_two_members_of_one_name_are_an_error_that_shows_use(site, chain, both):
    problem = site.host(policy(chain)).problem
    assert f"line 1: chain: has {both}, both named" in problem
    assert "use = " in problem


# What a file may define


def test_a_hook_file_may_have_the_hooks_of_a_plugin(site):
    code = """
seen = []

def configure(settings):
    seen.append(settings)

def pre_delivery_attempt(attempt):
    return {"action": "pause", "message": repr(seen)}

def decided(attempt, decision, trace):
    seen.append(decision["action"])

def remarks():
    return ["mind the gap"]

def close():
    print("closed")
"""
    site.save(code)
    host = site.host(policy(["hook.py"], plugins={"hook": {"level": 3}}))
    assert host.decide(ATTEMPT)["message"] == "[{'level': 3}]"
    assert host.decide(ATTEMPT)["message"] == "[{'level': 3}, 'pause']"
    assert host.generation.plugins[0].remarks() == ["mind the gap"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("pre_delivery_atempt", "pre_delivery_attempt"),
        ("configured", "configure"),
        ("Configure", "configure"),
        ("closed", "close"),
        ("remark", "remarks"),
        ("decide", "decided"),
    ],
)
def test_a_function_that_is_nearly_a_hook_is_a_load_error(site, name, meant):
    site.save(f"def {name}(): pass\n{hook('return None')}")
    problem = site.host(policy(["hook.py"])).problem
    assert f"defines {name}, which is nearly the hook {meant}: rename it" in problem


def test_a_hook_that_files_cannot_have_is_a_load_error(site):
    site.save(f"def code_files(settings): return []\n{hook('return None')}")
    problem = site.host(policy(["hook.py"])).problem
    assert "defines code_files, which a hook file can't have" in problem


@pytest.mark.parametrize("name", ["_decide", "domain_of", "close_connection", "configuration"])
def test_other_functions_are_a_files_own(site, name):
    site.save(f"def {name}(x): pass\n{hook('return None')}")
    assert site.host(policy(["hook.py"])).problem == ""


# Instances


@pytest.mark.usefixtures("fake_plugins")
def test_a_plugin_stands_twice_with_other_settings(site):
    tables = {
        "first": {"use": "made", "code": "return None"},
        "second": {"use": "made", "code": "return {'action': 'dump', 'message': 'two'}"},
    }
    host = site.host(policy(["first", "second"], plugins=tables))
    assert host.problem == ""
    assert host.decide(ATTEMPT) == {"action": "dump", "message": "two"}
    assert host.explain(ATTEMPT).decided_by == ("second",)
    assert {plugin.origin.distribution for plugin in host.generation.plugins} == {"fake-plugins"}


def test_a_file_stands_twice_with_its_own_state_of_the_module(site, hooks):
    hooks(counter="global n\nn += 1\nreturn {'action': 'pause', 'message': f'{n}'}")
    path = site.directory / "hooks" / "counter.py"
    path.write_text(f"n = 0\n{path.read_text()}")
    tables = {"a": {"use": "hooks/counter.py", "mode": "shadow"}, "b": {"use": "hooks/counter.py"}}
    host = site.host(policy(["a", "b"], plugins=tables))
    assert host.decide(ATTEMPT)["message"] == "1"
    assert host.decide(ATTEMPT)["message"] == "2"


@pytest.mark.usefixtures("fake_plugins")
def test_a_plugin_that_is_one_object_cannot_stand_twice_and_says_so(site):
    host = site.host(policy(["a", "other"], plugins={"other": {"use": "a"}}))
    assert "plugin other" in host.problem
    assert "stands in the chain as a too, but its entry point names one object" in host.problem


@pytest.mark.usefixtures("fake_plugins")
def test_an_instance_of_what_is_not_installed_is_a_load_error_with_a_hint(site):
    problem = site.host(policy(["new"], plugins={"new": {"use": "outr"}})).problem
    assert "no installed plugin is named 'outr' (did you mean outer?)" in problem
    assert "plugin new" in problem


def test_use_beside_a_path_is_an_error(site, hooks):
    hooks(quiet="return None")
    problem = site.host(policy(["hooks/quiet.py"], plugins={"quiet": {"use": "x.py"}})).problem
    assert "plugins.quiet.use: is set, but" in problem


# Modes


def test_what_is_off_is_not_even_loaded(site, hooks):
    hooks(on="return {'action': 'dump'}", off="return 1 / 0")
    (site.directory / "hooks" / "off.py").write_text("raise SystemExit(3)")
    host = site.host(policy(["hooks/off.py", "hooks/on.py"], plugins={"off": {"mode": "off"}}))
    assert host.problem == ""
    assert host.decide(ATTEMPT) == {"action": "dump"}
    assert [plugin.name for plugin in host.generation.plugins] == ["on"]


def compared(site, own, other, *, chain=("old", "new")):
    """Start a host in which `new` is the shadow of `old`."""
    directory = site.directory / "hooks"
    directory.mkdir()
    for name, body in (("old", other), ("new", own)):
        (directory / f"{name}.py").write_text(hook(body))
    return site.host(
        policy([f"hooks/{name}.py" for name in chain], plugins={"new": {"shadow_of": "old"}})
    )


def counts(host):
    """The agreements and differences of the plugin `new`."""
    found = host.statistics.snapshot()["plugins"]["new"]
    return found["agreements"], found["differences"]


ORDERS = pytest.mark.parametrize("chain", [("old", "new"), ("new", "old")])
DUMP = "return {'action': 'dump', 'message': 'no'}"


@ORDERS
@pytest.mark.parametrize(
    ("own", "other"),
    [
        (DUMP, DUMP),
        ("return None", "return {'action': 'normal'}"),
        ("return {'action': 'normal', 'reason': 'new'}", "return None"),
        (
            "return dict(action='new_mtaid', new_mtaid=7)",
            "return dict(action='new_mtaid', new_mtaid='7')",
        ),
    ],
)
def test_a_shadow_that_votes_as_the_other_is_counted_and_not_logged(site, log, chain, own, other):
    host = compared(site, own, other, chain=chain)
    for _ in range(3):
        host.decide(ATTEMPT)
    assert counts(host) == (3, 0)
    assert log.starting("shadow") == []


@ORDERS
def test_a_shadow_that_votes_otherwise_is_logged_with_both_votes_and_reasons(site, log, chain):
    own = "return {'action': 'pause', 'message': 'later', 'reason': 'rule 7'}"
    host = compared(site, own, DUMP, chain=chain)
    assert host.decide(ATTEMPT) == {"action": "dump", "message": "no"}
    assert counts(host) == (0, 1)
    [line] = log.starting("shadow")
    assert line.endswith(
        'would have decided {"action": "pause", "message": "later", "reason": "rule 7"} '
        '(plugin new), where old decided {"action": "dump", "message": "no"}'
    )


@ORDERS
def test_silence_against_a_verdict_is_a_difference(site, log, chain):
    host = compared(site, "return None", DUMP, chain=chain)
    host.decide(ATTEMPT)
    assert counts(host) == (0, 1)
    [line] = log.starting("shadow")
    assert '{"action": "normal"} (plugin new), where old decided' in line


@ORDERS
def test_an_attempt_in_which_one_of_the_two_fails_is_not_compared(site, chain):
    failing = (
        "if attempt['sendid'] == 'bad': return 1 / 0\nif attempt['sendid'] == 'odd': return 7\n"
    )
    host = compared(site, failing, "return None", chain=chain)
    for sendid in ("good", "bad", "odd", "good"):
        assert host.decide(attempt(sendid=sendid)) == NORMAL
    assert counts(host) == (2, 0)


@ORDERS
def test_an_attempt_in_which_the_other_fails_is_not_compared(site, chain):
    failing = "if attempt['sendid'] == 'bad': return 1 / 0\n"
    host = compared(site, "return None", failing, chain=chain)
    for sendid in ("good", "bad", "good"):
        host.decide(attempt(sendid=sendid))
    assert counts(host) == (2, 0)


@pytest.mark.parametrize(
    ("shadow", "text"),
    [
        (
            {"shadow_of": "odl"},
            'plugins.new.shadow_of: "odl" is not in the chain (did you mean old?)',
        ),
        ({"shadow_of": "new"}, "plugins.new.shadow_of: names the plugin itself"),
        ({"shadow_of": "old", "mode": "enforce"}, 'plugins.new.mode: must be "shadow" or "off"'),
    ],
)
def test_a_wrong_target_is_a_mistake_of_the_configuration_with_its_line(site, hooks, shadow, text):
    hooks(old="return None", new="return None")
    problem = site.host(policy(["hooks/old.py", "hooks/new.py"], plugins={"new": shadow})).problem
    assert text in problem
    assert "line " in problem


@pytest.mark.usefixtures("fake_plugins")
def test_a_wrapper_cannot_be_compared(site):
    wrap = WRAP.format(body="return None")
    tables = {"a": {"code": "return None"}, "outer": {"code": wrap, "shadow_of": "a"}}
    host = site.host(policy(["a", "outer"], plugins=tables))
    assert "can't be compared with a (shadow_of): wrappers return no vote" in host.problem


# Reasons


def test_a_reason_is_for_the_trace_and_for_nobody_else(site, hooks):
    hooks(
        first="return {'action': 'pause', 'message': 'later', 'reason': 'list.txt line 12'}",
        second="return {'action': 'normal', 'reason': repr(dict(decision))}",
    )
    host = site.host(policy(["hooks/first.py", "hooks/second.py"]))
    assert host.decide(ATTEMPT) == PAUSE
    explained = host.explain(ATTEMPT)
    assert explained.decision == PAUSE
    assert [vote["reason"] for vote in explained.trace] == ["list.txt line 12", repr(PAUSE)]
    assert [vote["vote"] for vote in explained.trace] == [PAUSE, NORMAL]
    assert explained.decided_by == ("first",)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("'a\\nb\\x1b[31m'", "a\\x0ab\\x1b[31m"),
        ("'x' * 301", "x" * 299 + "…"),
        ("'x' * 300", "x" * 300),
        ("'\\n' * 200", None),
        ("'\\ud800'", "\\ud800"),
        ("12", "12"),
        ("None", None),
        ("''", None),
    ],
)
def test_no_reason_makes_a_return_invalid(site, given, shown):
    host = site.file_host(hook(f"return {{'action': 'dump', 'reason': {given}}}"))
    explained = host.explain(ATTEMPT)
    assert explained.decision == {"action": "dump"}
    found = explained.trace[0]["reason"]
    if given == "'\\n' * 200":
        assert len(found) == 300
        assert found.isprintable()
    else:
        assert found == shown


def test_a_reason_that_goes_is_not_kept_from_the_attempt_before(site):
    why = "if attempt['sendid'] == 'why': return {'action': 'dump', 'reason': 'because'}\n"
    host = site.file_host(hook(f"{why}return {{'action': 'dump'}}"))
    assert host.explain(attempt(sendid="why")).trace[0]["reason"] == "because"
    assert host.explain(ATTEMPT).trace[0]["reason"] is None


@pytest.mark.usefixtures("fake_plugins")
def test_a_wrappers_reason_is_in_the_trace(site):
    wrap = WRAP.format(body="return {'action': 'dump', 'reason': 'I say so'}")
    explained = site.host(policy(["outer"], plugins={"outer": {"code": wrap}})).explain(ATTEMPT)
    assert explained.decision == {"action": "dump"}
    assert explained.trace[0]["reason"] == "I say so"


@pytest.mark.parametrize(
    ("word", "ours"),
    [
        ("bounce", "dump"),
        ("Reject", "dump"),
        ("drop", "dump"),
        ("defer", "pause"),
        ("tempfail", "pause"),
        ("hold", "pause"),
        ("route", "new_mtaid"),
    ],
)
def test_a_word_of_the_trade_is_answered_with_ours(site, log, word, ours):
    host = site.file_host(hook(f"return {{'action': {word!r}}}"))
    assert host.decide(ATTEMPT) == TEMPFAIL
    [line] = log.attempts
    assert f"unknown action '{word}' (did you mean {ours}?)" in line


# Paths in settings


def test_configure_gets_the_directory_to_which_paths_are_relative(
    site, hooks, monkeypatch, tmp_path
):
    hooks(shows="return {'action': 'pause', 'message': seen[0]}")
    path = site.directory / "hooks" / "shows.py"
    code = "seen = []\ndef configure(settings, directory): seen.append(directory)\n"
    path.write_text(f"{code}{path.read_text()}", "utf-8")
    monkeypatch.chdir(tmp_path)
    host = site.host(policy(["hooks/shows.py"]))
    assert host.decide(ATTEMPT)["message"] == str(site.directory)
