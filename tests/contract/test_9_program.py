"""CONTRACT 9: hookframe in a program."""

from __future__ import annotations

import json
import threading

import pytest

import hookframe
from hookframe import Explanation, Host
from hookframe.config.model import Config, PluginTable
from hookframe.config.plugin_policy import Policy
from hookframe.testing import eventually

from ..helpers.attempts import ATTEMPT, NORMAL, TEMPFAIL, attempt
from ..helpers.distributions import run_python
from ..helpers.site import hook, policy


def test_a_host_from_a_configuration_decides(site):
    site.configure(policy(hook_file="hook.py"), hook("return {'action': 'dump'}"))
    with Host.from_config(site.config) as host:
        assert host.decide(ATTEMPT) == {"action": "dump"}
    with Host.from_config(str(site.config)) as host:
        assert host.decide(ATTEMPT) == {"action": "dump"}


def test_the_snippet_of_the_contract_runs_as_it_stands(site, monkeypatch):
    site.configure(policy(hook_file="hook.py"), hook("return None"))
    monkeypatch.chdir(site.directory)
    snippet = (
        "from hookframe import Host\n"
        'with Host.from_config("hookframe.toml") as host:\n'
        "    decision = host.decide(attempt)\n"
    )
    names = {"attempt": ATTEMPT}
    exec(snippet, names)
    assert names["decision"] == NORMAL


def test_a_relative_configuration_is_still_found_after_the_program_changes_directory(
    site, monkeypatch, tmp_path
):
    site.configure(policy(hook_file="hook.py"), hook("return None"))
    monkeypatch.chdir(site.directory)
    with Host.from_config("hookframe.toml") as host:
        monkeypatch.chdir(tmp_path)
        site.save(hook("return {'action': 'dump'}"))
        eventually(lambda: host.decide(ATTEMPT) == {"action": "dump"})


def test_a_decision_can_be_written_as_json(site, fake_plugins):
    around = "def around():\n    yield\n    return {'action': 'dump'}\nreturn around()"
    plugins = {"outer": {"code": around}, "a": {"code": "return {'action': 'pause'}"}}
    host = site.host(policy(["outer", "a"], plugins=plugins))
    explanation = host.explain(ATTEMPT)
    assert json.loads(json.dumps(explanation.decision)) == {"action": "dump"}
    assert len(json.loads(json.dumps(explanation.trace))) == 2


@pytest.mark.parametrize(
    "attempt",
    [None, {}, [], "x", object(), {"recipient": object()}, attempt(recipient=5)],
    ids=range(7),
)
def test_decide_and_explain_never_raise_whatever_they_are_given(attempt, site):
    host = site.file_host(hook("return None"))
    assert host.decide(attempt) == TEMPFAIL
    assert host.explain(attempt) == Explanation(TEMPFAIL, ())


def test_decide_never_raises_for_what_a_plugin_does(site):
    body = """
    import os, sys
    what = attempt["sendid"]
    if what == "exit": sys.exit(3)
    if what == "streams": sys.stdout = sys.stderr = None
    if what == "recursion": sys.setrecursionlimit(sys.getrecursionlimit())
    if what == "return type": return type
    if what == "mapping": return Mapping()
    if what == "dict": return Dict(action="dump")
    """
    head = """
    from collections.abc import Mapping as Base

    class Mapping(Base):
        def __getitem__(self, key): raise RuntimeError(key)
        def __iter__(self): raise RuntimeError("iter")
        def __len__(self): raise RuntimeError("len")

    class Dict(dict):
        def get(self, *_): raise RuntimeError("get")
    """
    host = site.file_host(hook(body, head))
    for what in ("exit", "streams", "recursion", "return type", "mapping", "dict", "nothing"):
        assert host.decide(attempt(sendid=what))["action"] in ("normal", "pause", "dump")
    assert host.decide(ATTEMPT) == NORMAL


def test_explain_returns_the_decision_with_its_trace(site, install):
    install("stack")
    toml = policy(["guard", "routes", "file"], hook_file="hook.py")
    host = site.host(toml, hook("return {'action': 'pause', 'message': 'wait'}"))
    explanation = host.explain(ATTEMPT)
    assert explanation.decision == host.decide(ATTEMPT) == {"action": "pause", "message": "wait"}
    assert [
        (vote["plugin"], vote["vote"], vote["decision"]["action"], vote["changed"], vote["error"])
        for vote in explanation.trace
    ] == [
        ("guard", None, "normal", False, None),
        ("routes", {"action": "new_mtaid", "new_mtaid": "for-news170101"}, "new_mtaid", True, None),
        ("file", {"action": "pause", "message": "wait"}, "pause", True, None),
    ]
    assert all(vote["microseconds"] > 0 for vote in explanation.trace)


def test_a_trace_ends_with_the_plugin_that_failed_and_says_why(site, fake_plugins):
    plugins = {"a": {"code": "return None"}, "b": {"code": "raise KeyError('x')"}, "c": {}}
    host = site.host(policy(["a", "b", "c"], plugins=plugins))
    explanation = host.explain(ATTEMPT)
    assert explanation.decision == TEMPFAIL
    assert [vote["plugin"] for vote in explanation.trace] == ["a", "b"]
    assert "KeyError: 'x'" in explanation.trace[1]["error"]
    assert explanation.trace[1]["vote"] is None


def test_an_explanation_says_who_decided(site, fake_plugins):
    plugins = {
        "a": {"code": "return {'action': 'new_mtaid', 'new_mtaid': 1}"},
        "b": {"code": "return {'action': 'pause'} if attempt['sendid'] == 'p' else None"},
        "c": {"code": "return {'action': 'pause'} if attempt['sendid'] == 'p' else None"},
    }
    host = site.host(policy(["a", "b", "c"], plugins=plugins))
    assert host.explain(ATTEMPT).decided_by == ("a",)
    assert host.explain(attempt(sendid="p")).decided_by == ("b",)


def test_an_explanation_belongs_to_the_caller(site):
    host = site.file_host(hook("return {'action': 'dump'}"))
    for _ in range(2):
        explanation = host.explain(ATTEMPT)
        assert explanation.trace[0]["vote"] == explanation.decision == {"action": "dump"}
        explanation.trace[0]["vote"].clear()
        explanation.decision.clear()


def test_several_threads_may_ask_one_host(site):
    code = hook("return {'action': 'pause', 'message': attempt['recipient']}")
    host = site.file_host(code, watch=True)
    wrong, reload = [], threading.Event()

    def ask(recipient):
        for number in range(200):
            decision = host.decide(attempt(recipient=recipient))
            if decision != {"action": "pause", "message": recipient}:
                wrong.append(decision)
            if number == 100:
                reload.set()

    threads = [threading.Thread(target=ask, args=(f"{n}@r.example",)) for n in range(4)]
    for thread in threads:
        thread.start()
    reload.wait()
    site.save(code + "# saved again\n")
    for thread in threads:
        thread.join()
    assert wrong == []
    eventually(lambda: host.decide(attempt()) and host.generation.number == 2)


def test_a_host_that_does_not_watch_reloads_when_it_is_told_to(site):
    host = site.file_host(hook("return None"))
    site.save(hook("return {'action': 'dump'}"))
    assert host.decide(ATTEMPT) == NORMAL
    host.reload()
    assert host.decide(ATTEMPT) == {"action": "dump"}


def test_a_host_that_watches_reloads_when_it_is_told_to_though_nothing_has_changed(site):
    host = site.file_host(hook("return None"), watch=True)
    number = host.generation.number
    host.reload()
    eventually(lambda: host.generation.number > number)


def test_a_closed_host_temp_fails_and_leaves_no_thread_behind(site):
    before = set(threading.enumerate())
    host = site.file_host(hook("return None"), watch=True)
    host.close()
    host.close()
    assert host.decide(ATTEMPT) == TEMPFAIL
    eventually(lambda: set(threading.enumerate()) <= before)


def test_two_hosts_in_one_program_do_not_disturb_one_another(tmp_path, log):
    hosts = []
    for name in ("one", "two"):
        (tmp_path / f"{name}.py").write_text(
            hook(f"print({name!r})\nreturn {{'action': 'pause', 'message': {name!r}}}")
        )
        (tmp_path / f"{name}.py").chmod(0o644)
        config = Config(chain=("file",), hook_file=str(tmp_path / f"{name}.py"))
        hosts.append(Host.of(config, watch=False))
    assert [host.decide(ATTEMPT)["message"] for host in hosts * 2] == ["one", "two"] * 2
    assert log.printed == ["plugin file: one", "plugin file: two"] * 2
    for host in hosts:
        host.close()


def test_a_program_may_make_its_configuration_itself(install):
    install("stack")
    table = PluginTable(Policy(mode="shadow"), {"blocked": ["remote.example"]})
    config = Config(chain=("guard", "routes"), plugins={"guard": table})
    with Host.of(config, watch=False) as host:
        assert host.decide(ATTEMPT)["action"] == "new_mtaid"


def test_the_public_names_are_there_and_an_unknown_one_is_not():
    promised = {"API_VERSION", "TEMPFAIL_MESSAGE", "Attempt", "Decision", "Explanation", "Host"}
    promised |= {"Settings", "State", "Vote", "__version__", "hookimpl"}
    assert promised <= set(hookframe.__all__)
    for name in hookframe.__all__:
        assert getattr(hookframe, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Hots'"):
        _ = hookframe.Hots


@pytest.mark.parametrize("statement", ["import hookframe", "from hookframe import hookimpl"])
def test_an_import_costs_only_what_it_needs(statement):
    done = run_python(f"{statement}\nimport sys\nprint(' '.join(sys.modules))")
    loaded = {name.partition(".")[0] for name in done.stdout.split()}
    assert loaded.isdisjoint({"loguru", "watchdog", "msgspec", "rich", "click", "uvloop"})
