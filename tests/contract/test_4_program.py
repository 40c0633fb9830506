"""CONTRACT 4 and 9: a change of the policy in a program: who loads it, when, and what it keeps."""

from __future__ import annotations

import threading
from time import monotonic, sleep

import pytest

from hookframe import Host
from hookframe.host.source import ConfigFile
from hookframe.testing import eventually

from ..helpers.attempts import ATTEMPT, NORMAL, TEMPFAIL, attempt
from ..helpers.distributions import run_python
from ..helpers.site import hook, policy
from ..helpers.wait import for_a_while

DUMP = {"action": "dump"}


def says(message):
    return hook(f"return {{'action': 'pause', 'message': {message!r}}}")


def message(host):
    return host.decide(ATTEMPT).get("message")


# Who loads it


def test_a_change_is_loaded_by_the_next_attempt_in_its_thread(site):
    host = site.file_host(hook("return None"), watch=True)
    head = "from threading import current_thread\nloaded = current_thread().name"
    site.save(hook("return {'action': 'pause', 'message': loaded}", head))
    answers = []

    def ask():
        answers.append(eventually(lambda: message(host)))

    asking = threading.Thread(target=ask, name="asking")
    asking.start()
    asking.join()
    assert answers == ["asking"]


def test_without_an_attempt_no_change_is_loaded(site):
    built = site.directory / "built"
    host = site.file_host(hook("return None"), watch=True)
    site.save(hook("return {'action': 'dump'}", f"open({str(built)!r}, 'w').close()"))
    assert not any(for_a_while(0.5, built.exists))
    eventually(lambda: host.decide(ATTEMPT) == DUMP)


def test_an_explanation_loads_a_change_too(site):
    host = site.file_host(hook("return None"), watch=True)
    site.save(hook("return {'action': 'dump'}"))
    eventually(lambda: host.explain(ATTEMPT).decision == DUMP)


def test_a_change_can_be_loaded_between_two_attempts(site):
    host = site.file_host(hook("return None"), watch=True)
    site.save(hook("return {'action': 'dump'}"))
    eventually(lambda: host.apply_change() or host.generation.number == 2)
    assert host.decide(ATTEMPT) == DUMP


def test_a_change_that_is_undone_before_an_attempt_is_not_loaded(site):
    host = site.file_host(hook("return None"), watch=True)
    site.save(hook("return {'action': 'dump'}"))
    sleep(0.1)
    site.save(hook("return None"))
    sleep(0.3)
    assert (host.decide(ATTEMPT), host.generation.number) == (NORMAL, 1)


NESTED = """
if attempt["sendid"] == "inner":
    return {"action": "pause", "message": "old"}
if attempt["sendid"] == "outer":
    act()
    seen = [host.decide(inner)["message"] for _ in range(40) if not sleep(0.01)]
    return {"action": "pause", "message": " ".join(sorted(set(seen)))}
"""


@pytest.mark.parametrize("how", ["saved", "told"])
def test_an_attempt_within_an_attempt_leaves_a_change_to_the_next_one(how, site):
    host = site.file_host(hook(NESTED, "from time import sleep"), watch=how == "saved")
    module = host.generation.plugins[0].subject
    module.host, module.inner = host, attempt(sendid="inner")

    def act():
        site.save(says("new"))
        if how == "told":
            host.reload()

    module.act = act
    assert host.decide(attempt(sendid="outer"))["message"] == "old"
    eventually(lambda: message(host) == "new")


def test_a_plugin_that_asks_for_a_load_while_it_is_loaded_gets_none_within_it(site, fake_plugins):
    host = site.host(policy(["a"], plugins={"a": {"code": "return {'action': 'dump'}"}}))
    from fake_plugins import A

    A.kept["host"] = host
    again = {"configure": "kept['host'].reload()", "code": "return None"}
    site.configure(policy(["a"], plugins={"a": again}))
    host.reload()
    assert (host.decide(ATTEMPT), host.generation.number) == (NORMAL, 2)


# What it keeps


def test_no_object_of_a_plugin_outlives_a_change(site, install):
    install("shapes")
    host = site.host(policy(["as_class"]))
    old = host.generation.plugins[0].subject
    host.reload()
    assert host.generation.plugins[0].subject is not old


def test_a_module_of_both_chains_is_closed_before_it_is_configured_again(site, fake_plugins, log):
    life = {"configure": "print('configure {0}')", "close": "print('close {0}')"}
    texts = [
        policy(["a"], plugins={"a": {key: text.format(each) for key, text in life.items()}})
        for each in (1, 2)
    ]
    host = site.host(texts[0])
    site.configure(texts[1])
    host.reload()
    host.close()
    assert [line.removeprefix("plugin a: ") for line in log.printed] == [
        *("configure 1", "close 1", "configure 2", "close 2"),
    ]


def test_the_last_good_policy_goes_on_though_its_object_was_configured_by_one_that_failed(
    site, fake_plugins
):
    says_its_word = {"code": "return {'action': 'pause', 'message': 'good'}"}
    host = site.host(policy(["a"], plugins={"a": says_its_word}, on_load_error="keep"))
    assert message(host) == "good"
    bad = {"a": {"code": "return None"}, "b": {"configure": "raise ValueError('not today')"}}
    site.configure(policy(["a", "b"], plugins=bad, on_load_error="keep"))
    host.reload()
    assert "not today" in host.problem
    assert message(host) == "good"


def test_one_object_may_have_code_files(site, install):
    install("scripted")
    code = site.directory / "code.txt"
    code.write_text("say one")
    code.chmod(0o644)
    host = site.host(policy(["one_object"], plugins={"one_object": {"named": [str(code)]}}))
    assert (host.problem, message(host)) == ("", "one 1")
    code.write_text("say two")
    host.reload()
    assert message(host) == "two 1"


# While it is broken


@pytest.mark.slow
@pytest.mark.parametrize("on_load_error", ["tempfail", "keep"])
def test_what_a_broken_policy_lacked_is_found_by_itself_once_it_is_there(on_load_error, site):
    host = site.file_host(says("old"), watch=True, on_load_error=on_load_error)
    there = site.directory / "there"
    needs = f"from pathlib import Path\nif not Path({str(there)!r}).exists():\n    raise OSError"
    site.save(f"{needs}\n{says('new')}")
    eventually(lambda: host.decide(ATTEMPT) and host.problem)
    assert message(host) == ("old" if on_load_error == "keep" else TEMPFAIL["message"])
    there.touch()
    eventually(lambda: message(host) == "new", 5.0)


@pytest.mark.slow
def test_a_broken_policy_is_loaded_again_less_and_less_often(site):
    tries = site.directory / "tries"
    host = site.file_host(hook("return None"), watch=True)
    site.save(f"with open({str(tries)!r}, 'a') as file:\n    file.write('x')\nraise OSError\n")
    until = monotonic() + 4.5
    while monotonic() < until:
        host.decide(ATTEMPT)
        sleep(0.01)
    assert tries.read_text() == "xxx"


# What is told of it


def test_the_phases_of_a_load_are_told(site, install):
    install("scripted")
    site.configure(policy(["scripted", "file"], hook_file="hook.py"), hook("return None"))
    phases = []
    with Host(ConfigFile(site.config), watch=False, phase=phases.append) as host:
        assert host.problem == ""
    assert phases[1::2] == [""] * (len(phases) // 2)
    assert phases[::2] == [
        *("importing scripted", f"running {site.file}"),
        *("configuring scripted", "configuring file", "closing scripted", "closing file"),
    ]


def test_the_files_of_a_failed_load_are_told_missing_ones_too(site, install):
    install("scripted")
    missing = str(site.directory / "missing.txt")
    settings = {"scripted": {"named": [missing]}}
    toml = policy(["scripted", "file"], hook_file="hook.py", plugins=settings)
    host = site.host(toml, hook("return None"))
    assert host.problem
    assert [file.path for file in host.files.files] == [str(site.config), str(site.file), missing]


def test_the_versions_of_the_chains_distributions_are_told(site, install):
    install("stack", "scripted")
    host = site.host(policy(["guard", "file"], hook_file="hook.py"), hook("return None"))
    assert host.versions == {"acme-guard": "1.4.0"}


WARNS = """
import os
from pathlib import Path
from hookframe import Host
from hookframe.config.model import Config
from hookframe.testing import eventually, make_attempt

file = Path(os.environ["HOOK_FILE"])
with Host.of(Config(hook_file=str(file))) as host:
    file.write_text(file.read_text().replace("return None", "return 5 is 5 and {'action': 'dump'}"))
    eventually(lambda: host.decide(make_attempt()) == {"action": "dump"})
"""


def test_a_warning_of_the_compiler_is_logged_once_with_the_files_name(site):
    site.save(hook("return None"))
    done = run_python(WARNS, HOOK_FILE=str(site.file))
    warned = [line for line in done.stderr.splitlines() if "SyntaxWarning" in line]
    assert len(warned) == 1, done.stderr
    assert "plugin file: " in warned[0]
