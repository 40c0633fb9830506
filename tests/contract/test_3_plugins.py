"""CONTRACT 3: plugins: found, loaded, refused, and their life cycle."""

from __future__ import annotations

import msgspec
import pytest

from hookframe import API_VERSION
from hookframe.testing import eventually

from ..helpers.attempts import ATTEMPT, NORMAL, TEMPFAIL, attempt
from ..helpers.distributions import run_python
from ..helpers.site import hook, policy

DUMP = "return {'action': 'dump', 'message': 'dumped'}"

# Found


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("as_module", "from a module"),
        ("as_class", "from a class"),
        ("as_instance", "from an instance"),
        ("as_factory", "from a factory"),
        ("as_partial", "from a partial"),
        ("as_static", "from a static method"),
        ("no_arguments", "took nothing"),
        ("other_order", "dict normal readers"),
        ("optional_hook", "beside an optional hook"),
        ("surprising_property", "beside a property that raises"),
        ("equal_wrapper", "from a wrapper that equals everything"),
    ],
)
def test_an_entry_point_may_name_a_plugin_in_any_shape(name, message, site, install):
    install("shapes")
    host = site.host(policy([name]))
    assert (host.problem, host.decide(ATTEMPT)) == ("", {"action": "pause", "message": message})


def test_a_class_or_a_factory_is_called_once_for_each_load(site, install):
    install("shapes")
    host = site.host(policy(["as_class", "as_factory"]))
    for _ in range(3):
        host.decide(ATTEMPT)
        host.reload()
    import many_shapes

    assert many_shapes.made == ["class", "factory"] * 4


def test_equal_and_unhashable_plugin_objects_are_told_apart(site, install):
    install("shapes")
    host = site.host(policy(["equal_one", "equal_two"]))
    assert host.problem == ""
    assert [vote["plugin"] for vote in host.explain(ATTEMPT).trace] == ["equal_one", "equal_two"]
    assert len(set(host.generation.state["asked"])) == 2


def test_a_plugin_is_known_by_the_name_of_its_entry_point(site, install):
    install("stack")
    [vote] = site.host(policy(["routes"])).explain(ATTEMPT).trace
    assert (vote["plugin"], vote["distribution"], vote["version"]) == (
        *("routes", "zenith-routes", "2.0.1"),
    )


@pytest.mark.slow
def test_a_plugin_is_found_in_a_fresh_process_by_its_metadata(distributions, tmp_path):
    (tmp_path / "hookframe.toml").write_text('chain = ["guard", "routes"]\n')
    done = run_python(
        "from hookframe import Host\n"
        f"with Host.from_config({str(tmp_path / 'hookframe.toml')!r}) as host:\n"
        f"    print(host.decide({attempt(recipient='x@blocked.example')!r}))\n",
        distributions["stack"],
    )
    assert eval(done.stdout) == {"action": "dump", "message": "guard: blocked"}


def test_two_distributions_that_claim_one_name_are_an_error_that_names_both(site, install):
    install("twins")
    host = site.host(policy(["twin"]))
    assert host.decide(ATTEMPT) == TEMPFAIL
    for words in ("'twin'", "twin-one 1.0", "twin-two 2.5"):
        assert words in host.problem


def test_a_conflict_of_plugins_that_the_chain_does_not_want_harms_nothing(site, install):
    install("twins", "stack")
    assert site.host(policy(["guard"])).decide(ATTEMPT) == NORMAL


def test_no_plugin_can_be_named_as_the_file(site, install):
    install("squatter")
    toml = policy(["file"], hook_file="hook.py")
    assert site.host(toml, hook("return None")).decide(ATTEMPT) == NORMAL
    assert site.host(policy("installed")).decide(ATTEMPT) == NORMAL
    host = site.host(policy(["file"]))
    assert "hook_file is not set" in host.problem


def test_a_plugin_that_is_not_installed_is_a_load_error_that_says_what_is(site, install):
    install("stack")
    host = site.host(policy(["gaurd"]))
    assert host.decide(ATTEMPT) == TEMPFAIL
    for words in ("gaurd", "did you mean guard?", "guard, routes", "pip"):
        assert words in host.problem


# Loaded only if the chain wants it


def test_a_broken_plugin_that_the_chain_does_not_want_is_not_even_imported(site, install):
    install("broken", "stack")
    host = site.host(policy(["guard"]))
    assert (host.problem, host.decide(ATTEMPT)) == ("", NORMAL)


BROKEN = {
    "import_error": ["can't be imported", "broken_hooks.import_error", "ModuleNotFoundError"],
    "syntax_error": ["can't be imported", "SyntaxError", "syntax_error.py line 1"],
    "exits": ["can't be imported", "SystemExit", "I need a newer Python", "exits.py line 3"],
    "no_attribute": ["can't be imported", "broken_hooks:Nowhere", "Nowhere"],
    "no_implementation": ["has no implementation", "pre_delivery_attempt", "hookimpl"],
    "unmarked": ["has no implementation", "not marked", "@hookimpl"],
    "other_mark": ["has no implementation", "another project", "somethingelse", "hookimpl"],
    "misspelt": ["'atempt'", "did you mean attempt?", "attempt, decision, state"],
    "misspelt_default": ["'descision'", "did you mean decision?", "attempt, decision, state"],
    "asynchronous": ["async", "plain def"],
    "yields": ["yields", "wrapper=True"],
    "keyword_only": ["keyword-only", "attempt", "by name"],
    "star_args": ["attempt", "by name"],
    "star_kwargs": ["attempt", "by name"],
    "try_first": ["tryfirst", "remove the mark"],
    "try_last": ["trylast", "remove the mark"],
    "old_wrapper": ["hookwrapper", "wrapper=True"],
    "never_yields": ["wrapper", "yield"],
    "unknown_hook": ["pre_delivery_atempt", "did you mean pre_delivery_attempt?"],
    "needs_argument": ["broken_hooks:NeedsArgument", "without arguments", "'path'"],
    "factory_raises": ["broken_hooks:factory_raises", "OSError: the list is gone"],
    "a_hook": ["names one hook", "module"],
    "too_new": ["version 7", str(API_VERSION), "upgrade hookframe"],
    "version_text": ["'1.0'", "hook API"],
    "version_raises": ["RuntimeError: no version yet"],
    "rejects": ["rejects its settings", "list must be an absolute path, not 'users.txt'"],
    "configure_crashes": ["configure", "KeyError: 'no such key'", "__init__.py line"],
    "configure_misspelt": ["configure", "'setings'", "did you mean settings?"],
    "decided_async": ["decided", "async"],
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_load_error_is_attributed_and_says_what_was_seen_and_the_fix(name, site, install, log):
    install("broken")
    host = site.host(policy([name]))
    assert host.decide(ATTEMPT) == TEMPFAIL
    said = [*BROKEN[name], f"(plugin {name}, broken-hooks 0.9.1)"]
    assert [words for words in said if words not in host.problem] == []
    assert log.loading == [f"error loading pre_delivery_attempt_hook: {host.problem}"]
    assert host.problem.isprintable()


def test_an_unknown_option_found_by_msgspec_is_a_load_error(site, install):
    install("broken")
    toml = policy(["rejects_msgspec"], plugins={"rejects_msgspec": {"limmit": 3}})
    host = site.host(toml)
    with pytest.raises(msgspec.ValidationError, match="limmit") as refused:
        msgspec.convert({"limmit": 3}, msgspec.defstruct("Any", [], forbid_unknown_fields=True))
    assert f"rejects its settings: {refused.value}" in host.problem
    assert site.host(policy(["rejects_msgspec"])).decide(ATTEMPT) == NORMAL


def test_the_load_errors_of_several_plugins_are_reported_at_once(site, install):
    install("broken")
    host = site.host(policy(["misspelt", "no_settings", "exits"]))
    assert "(plugin misspelt," in host.problem
    assert "(plugin exits," in host.problem
    assert "(plugin no_settings," not in host.problem


def test_a_load_error_never_takes_the_host_down_and_the_mended_chain_is_loaded(site, install, log):
    install("broken")
    host = site.host(policy(["exits"]), watch=True)
    assert host.decide(ATTEMPT) == TEMPFAIL
    site.config.write_text(policy(["no_settings"]))
    eventually(lambda: host.decide(ATTEMPT) == NORMAL)


@pytest.mark.slow
def test_a_plugin_that_is_installed_later_mends_the_chain_by_itself(site, install):
    install("fake")
    host = site.host(policy(["guard"]), watch=True)
    assert host.decide(ATTEMPT) == TEMPFAIL
    install("fake", "stack")
    eventually(lambda: host.decide(ATTEMPT) == NORMAL)


@pytest.mark.parametrize("entry_point", ["this is no entry point", "x = 'y'", "stray = stray"])
def test_damaged_metadata_of_a_distribution_that_the_chain_does_not_want_harms_nothing(
    entry_point, site, install, tmp_path
):
    damaged = tmp_path / "damaged" / "half_removed-1.0.dist-info"
    damaged.mkdir(parents=True)
    (damaged / "entry_points.txt").write_text(f"[hookframe]\n{entry_point}\n")
    install(str(damaged.parent), "stack")
    assert site.host(policy(["guard"])).decide(ATTEMPT) == NORMAL


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("METADATA", b""),
        ("METADATA", b"Name: half-removed\nVersion: 1.0\nAuthor: \xff\n"),
        ("entry_points.txt", b"[hookframe]\n\xff = stray\n"),
    ],
)
def test_a_missing_plugin_whose_metadata_is_damaged_is_reported_with_its_path(
    file, content, site, install, tmp_path
):
    damaged = tmp_path / "damaged" / "half_removed-1.0.dist-info"
    damaged.mkdir(parents=True)
    (damaged / "METADATA").write_text("Name: half-removed\nVersion: 1.0\n")
    (damaged / "entry_points.txt").write_text("[hookframe]\nstray = stray\n")
    (damaged / file).write_bytes(content)
    install(str(damaged.parent), "stack")
    problem = site.host(policy(["stray"])).problem
    assert "no installed plugin is named 'stray'" in problem
    assert f"Metadata that can't be read: {damaged}; if the plugin is in such a" in problem


# The life cycle

NOTE = "kept.setdefault('calls', []).append({!r})"
LIFE = {
    "configure": NOTE.format("configure"),
    "decided": NOTE.format("decided"),
    "close": NOTE.format("close"),
    "code": NOTE.format("attempt") + "\nreturn None",
}


@pytest.fixture
def kept(fake_plugins):
    """What the fake plugin `a` has kept on its object."""

    def kept():
        from fake_plugins import A

        return A.kept

    return kept


def test_configure_comes_before_the_first_attempt_and_close_at_the_end(site, kept):
    host = site.host(policy(["a"], plugins={"a": LIFE}))
    host.decide(ATTEMPT)
    host.close()
    assert kept()["calls"] == ["configure", "attempt", "decided", "close"]


def test_configure_is_called_once_per_generation(site, kept):
    host = site.host(policy(["a"], plugins={"a": LIFE}))
    for _ in range(2):
        host.decide(ATTEMPT)
    host.reload()
    host.decide(ATTEMPT)
    assert kept()["calls"].count("configure") == 2
    assert kept()["calls"].index("configure") == 0


def test_one_object_of_both_chains_is_closed_before_it_is_configured_again(site, kept):
    host = site.host(policy(["a", "b"], plugins={"a": LIFE, "b": LIFE}))
    site.config.write_text(policy(["a"], plugins={"a": LIFE}))
    host.reload()
    from fake_plugins import B

    calls = [call for call in kept()["calls"] if call in ("configure", "close")]
    assert calls == ["configure", "close", "configure"]
    assert B.kept["calls"] == ["configure", "close"]


def test_a_plugin_is_closed_once_when_the_chain_is_broken_and_not_again_when_the_host_stops(
    site, kept
):
    whole = policy(["a"], plugins={"a": LIFE})
    host = site.host(whole)
    site.config.write_text(policy(["a", "nowhere"], plugins={"a": LIFE}))
    host.reload()
    assert host.decide(ATTEMPT) == TEMPFAIL
    closed = kept()["calls"].count("close")
    host.close()
    assert kept()["calls"].count("close") == closed
    assert kept()["calls"].count("configure") <= closed


def test_an_error_in_close_is_logged_with_the_plugins_name_and_harms_nothing(
    site, fake_plugins, log
):
    plugins = {"a": {"close": "raise ValueError('stuck')"}, "b": {"close": "print('bye')"}}
    site.host(policy(["a", "b"], plugins=plugins)).close()
    assert any("ValueError: stuck" in line and "plugin a" in line for line in log.errors)
    assert "plugin b: bye" in log.printed


def test_decided_sees_the_attempt_the_decision_and_the_trace(site, kept):
    see = "kept['saw'] = (dict(attempt), dict(decision), [dict(vote) for vote in trace])"
    plugins = {"a": {"decided": see}, "b": {"code": DUMP}}
    host = site.host(policy(["b", "a"], plugins=plugins))
    host.decide(ATTEMPT)
    attempt, decision, trace = kept()["saw"]
    assert attempt == ATTEMPT
    assert decision == {"action": "dump", "message": "dumped"}
    assert [vote.pop("microseconds") > 0 for vote in trace] == [True, True]
    assert trace == [
        {
            "plugin": "b",
            "distribution": "fake-plugins",
            "version": "0.3",
            "mode": "enforce",
            "vote": {"action": "dump", "message": "dumped"},
            "reason": None,
            "decision": {"action": "dump", "message": "dumped"},
            "changed": True,
            "error": None,
        },
        {
            "plugin": "a",
            "distribution": "fake-plugins",
            "version": "0.3",
            "mode": "enforce",
            "vote": None,
            "reason": None,
            "decision": {"action": "dump", "message": "dumped"},
            "changed": False,
            "error": None,
        },
    ]


@pytest.mark.parametrize(
    "change",
    [
        "decision['action'] = 'normal'",
        "decision.clear()",
        "attempt['sender'] = 'x'",
        "trace[0]['vote']['action'] = 'normal'",
        "trace[0]['decision']['action'] = 'normal'",
        "trace[-1]['decision']['action'] = 'normal'",
        "trace[-1]['vote'].clear()",
        "return {'action': 'normal'}",
        "raise SystemExit('no')",
    ],
)
@pytest.mark.parametrize("chain", [["a"], ["outer", "a"]])
def test_decided_can_not_change_the_decision(change, chain, site, fake_plugins):
    wrapper = "def around():\n    yield\n    return {'action': 'dump', 'message': 'dumped'}\n"
    plugins = {
        "a": {"code": DUMP if chain == ["a"] else "return None", "decided": change},
        "outer": {"code": wrapper + "return around()"},
    }
    host = site.host(policy(chain, plugins=plugins))
    for _ in range(2):
        assert host.decide(ATTEMPT) == {"action": "dump", "message": "dumped"}
        assert host.explain(ATTEMPT).decision == {"action": "dump", "message": "dumped"}


def test_an_error_in_decided_is_logged_with_the_plugins_name_and_the_decision_stands(
    site, fake_plugins, log
):
    plugins = {"a": {"code": DUMP, "decided": "raise KeyError('statistics')"}}
    host = site.host(policy(["a"], plugins=plugins))
    assert host.decide(ATTEMPT) == {"action": "dump", "message": "dumped"}
    [line] = log.errors
    for words in ("KeyError: 'statistics'", "decided", "plugin a", ATTEMPT["msguid"]):
        assert words in line


def test_every_observer_sees_every_decision_temp_fails_included(site, kept):
    note = "kept.setdefault('saw', []).append((decision['action'], trace[-1]['error']))"
    plugins = {"a": {"decided": note}, "b": {"code": "raise ValueError('x')", "decided": note}}
    host = site.host(policy(["a", "b"], plugins=plugins))
    assert host.decide(ATTEMPT) == TEMPFAIL
    from fake_plugins import B

    assert kept()["saw"] == B.kept["saw"]
    [(action, error)] = B.kept["saw"]
    assert action == "pause"
    assert "ValueError: x" in error


def test_an_observer_does_not_receive_the_error_mark_of_the_caller(site, kept):
    see = "kept['saw'] = dict(decision)"
    plugins = {"a": {"code": "raise ValueError('x')", "decided": see}}
    assert site.host(policy(["a"], plugins=plugins)).decide(ATTEMPT) == TEMPFAIL
    assert "error" not in kept()["saw"]


# A plugin that stays is configured anew, and the old settings come back when that fails


def test_when_another_plugin_rejects_its_settings_the_kept_generation_acts_as_before(
    site, fake_plugins
):
    code = "return {'action': 'pause', 'message': kept['word']}"
    keep = "kept['word'] = settings['word']"

    def toml(word, reject):
        plugins = {
            "a": {"code": code, "configure": keep, "word": word},
            "b": {"configure": f"if {reject}: raise ValueError('no')"},
        }
        return policy(["a", "b"], plugins=plugins, on_load_error="keep")

    host = site.host(toml("old", False))
    assert host.decide(ATTEMPT)["message"] == "old"
    site.config.write_text(toml("new", True))
    host.reload()
    assert "rejects its settings: no" in host.problem
    assert host.decide(ATTEMPT)["message"] == "old"
    site.config.write_text(toml("new", False))
    host.reload()
    assert host.decide(ATTEMPT)["message"] == "new"


# The version of the hook API


def test_the_hook_api_has_an_integer_version():
    assert type(API_VERSION) is int


def test_a_plugin_may_declare_the_version_it_was_written_for(site, install):
    install("stack")
    host = site.host(policy(["guard"]))
    import acme_guard

    assert acme_guard.hookframe_api_version == API_VERSION
    assert host.problem == ""
