"""CONTRACT 3 and 4: a plugin's files of code have the hook file's promises."""

from __future__ import annotations

import os
from time import sleep

import pytest
from watchdog.observers.api import EventEmitter

from hookframe.testing import eventually

from ..helpers.attempts import ATTEMPT, TEMPFAIL
from ..helpers.site import policy

ROOT = os.geteuid() == 0
SECOND = 1.0
"""The contract's own: a saved change is live within one second."""


@pytest.fixture
def script(site, install):
    """The plugin's file of code, which is in no chain yet."""
    install("scripted")
    return Script(site)


class Script:
    def __init__(self, site):
        self.site = site
        self.path = site.directory / "code.txt"

    def save(self, text):
        self.path.write_text(text)
        self.path.chmod(0o644)

    def host(self, text, *, watch=False, **top):
        self.save(text)
        return self.site.host(self.policy(**top), watch=watch)

    def policy(self, **top):
        settings = {"named": [str(self.path)]}
        return policy(["scripted"], plugins={"scripted": settings}, **top)


def message(host):
    return host.decide(ATTEMPT).get("message")


def test_a_plugin_gets_its_code_files_as_the_host_has_read_them(script):
    host = script.host("say hello")
    assert (host.problem, message(host)) == ("", "hello 1")


def test_a_changed_code_file_is_live_within_a_second_with_a_new_state(script):
    host = script.host("say one", watch=True)
    assert [message(host), message(host)] == ["one 1", "one 2"]
    script.save("say two")
    eventually(lambda: message(host).startswith("two"), SECOND)
    assert host.generation.number == 2


def test_a_code_file_that_is_moved_into_place_is_live_within_a_second(script):
    host = script.host("say one", watch=True)
    fresh = script.path.with_name("code.new")
    fresh.write_text("say two")
    fresh.chmod(0o644)
    fresh.replace(script.path)
    eventually(lambda: message(host).startswith("two"), SECOND)


def test_a_code_file_that_has_not_changed_is_not_loaded_again(script):
    host = script.host("say one", watch=True)
    message(host)
    script.path.touch()
    script.site.configure(script.policy(deadline="2s"))
    eventually(lambda: message(host) and host.generation.config.deadline == 2.0, SECOND)
    assert host.generation.number == 2


def test_another_code_file_is_watched_once_the_settings_name_it(script):
    host = script.host("say one", watch=True)
    script.path = script.path.with_name("other.txt")
    script.save("say other")
    script.site.configure(script.policy())
    eventually(lambda: message(host).startswith("other"), SECOND)
    script.save("say changed")
    eventually(lambda: message(host).startswith("changed"), SECOND)


@pytest.mark.slow
def test_another_code_file_is_live_within_a_second_without_change_events(script, monkeypatch):
    monkeypatch.setattr(EventEmitter, "queue_event", lambda emitter, event: None)
    host = script.host("say one", watch=True)
    script.path = script.path.with_name("other.txt")
    script.save("say other")
    script.site.configure(script.policy())
    eventually(lambda: message(host).startswith("other"), SECOND)
    sleep(SECOND)  # so that the new file has been compared with what was loaded
    script.save("say changed")
    eventually(lambda: message(host).startswith("changed"), SECOND)


def test_a_half_written_code_file_is_never_run(script):
    host = script.host("say one", watch=True)
    with script.path.open("w") as writer:
        writer.write("say half ")
        writer.flush()
        eventually(lambda: host.decide(ATTEMPT)["message"].startswith("one"))
        writer.write("and whole")
    eventually(lambda: message(host).startswith("half and whole"), SECOND)
    assert host.generation.number == 2


def test_each_generation_has_an_object_of_its_own_and_the_old_one_is_closed(script, log):
    host = script.host("say one")
    old = host.generation.plugins[0].subject
    script.save("say two")
    host.reload()
    assert host.generation.plugins[0].subject is not old
    host.close()
    assert log.printed == ["plugin scripted: closing one", "plugin scripted: closing two"]


def test_a_broken_code_file_is_a_load_error_in_its_own_words(script, log):
    host = script.host("say one\nsing two")
    assert host.decide(ATTEMPT) == TEMPFAIL
    [line] = log.loading
    assert line == (
        "error loading pre_delivery_attempt_hook: error compiling: no such word on line 2 "
        f"({script.path}) (plugin scripted, scripted 0.7)"
    )


def test_a_broken_code_file_that_is_mended_is_live_within_a_second(script):
    host = script.host("sing", watch=True)
    assert host.decide(ATTEMPT) == TEMPFAIL
    script.save("say mended")
    eventually(lambda: (message(host) or "").startswith("mended"), SECOND)
    assert host.problem == ""


def test_the_last_good_code_goes_on_with_its_object_and_state_where_the_operator_keeps_it(script):
    host = script.host("say one", watch=True, on_load_error="keep")
    assert message(host) == "one 1"
    script.save("sing")
    eventually(lambda: message(host) and host.problem, SECOND)
    assert message(host).startswith("one ")
    script.save("say two")
    assert eventually(lambda: (said := message(host)).startswith("two") and said) == "two 1"


def test_the_old_object_goes_on_where_another_plugin_of_the_new_generation_refuses(
    script, install, log
):
    install("scripted", "fake")
    host = script.host("say one", on_load_error="keep")
    assert message(host) == "one 1"
    script.save("say two")
    refuses = {"configure": "raise ValueError('not today')"}
    settings = {"scripted": {"named": [str(script.path)]}, "a": refuses}
    script.site.configure(policy(["scripted", "a"], plugins=settings, on_load_error="keep"))
    host.reload()
    assert "not today" in host.problem
    assert message(host) == "one 2"
    assert log.printed == ["plugin scripted: closing two"]


def test_a_missing_code_file_is_a_load_error_and_live_once_it_is_there(script):
    host = script.site.host(script.policy(), watch=True)
    assert f"can't read its code file: {script.path} does not exist" in host.problem
    script.save("say there")
    eventually(lambda: (message(host) or "").startswith("there"), SECOND)


@pytest.mark.parametrize("mode", [0o664, 0o646])
@pytest.mark.skipif(not ROOT, reason="only root can give a file to a group that is not its own")
def test_a_code_file_that_others_may_write_is_a_load_error(mode, script):
    host = script.host("say one")
    os.chown(script.path, -1, 12345)
    script.path.chmod(mode)
    host.reload()
    assert f"{script.path} may be written by its group or by everyone" in host.problem
    assert host.decide(ATTEMPT) == TEMPFAIL


@pytest.mark.skipif(not ROOT, reason="only root can give a file away")
def test_a_code_file_of_another_user_is_a_load_error_unless_the_operator_trusts_it(script):
    host = script.host("say one")
    os.chown(script.path, 12345, -1)
    host.reload()
    assert "belongs to user 12345" in host.problem
    script.site.configure(script.policy(trust_file_permissions=True))
    host.reload()
    assert (host.problem, message(host)) == ("", "one 1")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"named": ["code.txt"]}, "code_files returned 'code.txt'; expected absolute paths"),
        ({"named": [7]}, "code_files returned 7; expected absolute paths"),
        ({"raises": "no idea"}, "can't say which code files it has: RuntimeError: no idea at "),
        ({"refuses": "wrong"}, "rejects its settings: wrong"),
    ],
)
def test_what_a_plugin_says_of_its_code_files_is_checked(settings, expected, site, install):
    install("scripted")
    host = site.host(policy(["scripted"], plugins={"scripted": settings}))
    assert expected in host.problem
    assert "(plugin scripted, scripted 0.7)" in host.problem


def test_a_plugin_without_any_code_file_needs_none(site, install):
    install("scripted")
    host = site.host(policy(["scripted"]))
    assert (host.problem, message(host)) == ("", " 1")


def test_an_error_in_a_code_file_is_logged_in_its_own_words(script, log):
    host = script.host("fail Illegal division by zero at (eval 1) line 2.")
    assert host.decide(ATTEMPT) == TEMPFAIL
    [line] = log.attempts
    assert line.endswith(
        "error: Exception running pre_delivery_attempt_hook: Illegal division by zero at (eval 1) "
        f"line 2. ({script.path}) (plugin scripted)"
    )
    assert host.statistics.snapshot()["temporary_failures"] == {"exception": 1}


def test_what_a_code_file_returns_wrongly_is_an_invalid_return(script, log):
    host = script.host("return undef")
    assert host.decide(ATTEMPT) == TEMPFAIL
    [line] = log.attempts
    assert line.endswith(
        f"error: Invalid return from pre_delivery_attempt_hook: got undef ({script.path}) "
        "(plugin scripted)"
    )
    assert host.statistics.snapshot()["temporary_failures"] == {"invalid_return": 1}
