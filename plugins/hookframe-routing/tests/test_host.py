"""The installed plugin in a real host."""

from __future__ import annotations

import pytest

from hookframe import TEMPFAIL_MESSAGE, Host
from hookframe.testing import eventually

TEMPFAIL = {"action": "pause", "message": TEMPFAIL_MESSAGE, "error": True}


@pytest.fixture
def host(tmp_path):
    """A host of `hookframe.toml` with the given text, closed after the test."""
    hosts = []

    def make(text):
        path = tmp_path / "hookframe.toml"
        path.write_text(text)
        hosts.append(Host.from_config(path))
        return hosts[-1]

    yield make
    for one in hosts:
        one.close()


def test_a_relative_path_starts_at_the_directory_of_the_configuration(host, tmp_path, attempt):
    (tmp_path / "routing.toml").write_text("[[rule]]\ndump = true\n")
    made = host('chain = ["routing"]\n[plugins.routing.settings]\nfile = "routing.toml"\n')
    assert (made.problem, made.decide(attempt())) == ("", {"action": "dump"})


def with_file(path, every="0s"):
    return (
        'chain = ["routing"]\n[plugins.routing.settings]\n'
        f'file = "{path}"\ncheck_every = "{every}"\n'
    )


def test_rules_in_the_settings_decide(host, attempt):
    routing = host("""
        chain = ["routing"]
        [plugins.routing.settings]
        extra_keys = ["size"]
        [[plugins.routing.settings.rule]]
        match.size = 5
        dump = "Too big"
        [[plugins.routing.settings.rule]]
        match.recipient_domain = ["example.com", "example.net"]
        new_mtaid = 7
    """)
    assert routing.decide(attempt()) == {"action": "new_mtaid", "new_mtaid": "7"}
    assert routing.decide(attempt(size=5)) == {"action": "dump", "message": "Too big"}
    assert routing.decide(attempt(size=[5])) == {"action": "new_mtaid", "new_mtaid": "7"}
    assert routing.decide(attempt(recipient="a@b.example")) == {"action": "normal"}


@pytest.mark.slow
def test_the_trace_names_the_distribution_and_its_vote(host, attempt, tmp_path):
    rules = tmp_path / "routing.toml"
    rules.write_text('[[rule]]\nnew_mtaid = "pool"\n')
    (vote,) = host(with_file(rules)).explain(attempt()).trace
    assert (vote["plugin"], vote["distribution"]) == ("routing", "hookframe-routing")
    assert vote["vote"] == {"action": "new_mtaid", "new_mtaid": "pool"}
    assert vote["error"] is None


@pytest.mark.parametrize(
    ("gives", "decision"),
    [
        ("new_mtaid = 5", {"action": "new_mtaid", "new_mtaid": "5"}),
        ('new_sender = ""', {"action": "new_config", "new_sender": ""}),
        (
            'new_sender = "a@b"\nnew_mtaid = "m"',
            {"action": "new_config", "new_sender": "a@b", "new_mtaid": "m"},
        ),
        (
            'deliver_as_if_to_domain = "a.example"',
            {"action": "normal", "deliver_as_if_to_domain": "a.example"},
        ),
        ("pause = true", {"action": "pause"}),
        ('dump = "no"', {"action": "dump", "message": "no"}),
        ("normal = true", {"action": "normal"}),
    ],
)
def test_the_host_takes_every_outcome(host, attempt, gives, decision):
    rules = f'chain = ["routing"]\n[[plugins.routing.settings.rule]]\n{gives}\n'
    assert host(rules).decide(attempt()) == decision


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        ("", "there are no rules; expected file = "),
        ("[[plugins.routing.settings.rule]]\npause = 5\n", "rule 1: pause: 5; expected a message"),
        ("[plugins.routing.settings]\nfiel = 1\n", "fiel: unknown setting; did you mean file?"),
    ],
)
def test_what_is_wrong_is_the_plugins_load_error_and_every_attempt_temp_fails(
    host, attempt, settings, text
):
    broken = host(f'chain = ["routing"]\n{settings}')
    assert broken.decide(attempt()) == TEMPFAIL
    assert text in broken.problem
    assert "routing" in broken.problem


@pytest.mark.slow
def test_a_file_that_was_wrong_from_the_start_is_taken_once_it_is_mended(host, attempt, tmp_path):
    rules = tmp_path / "routing.toml"
    rules.write_text("[[rule]]\npause = 5\n")
    mended = host(with_file(rules))
    assert mended.decide(attempt()) == TEMPFAIL
    assert f"{rules}: line 1: rule 1: pause: 5; expected a message" in mended.problem
    rules.write_text('[[rule]]\npause = "later"\n')
    eventually(lambda: mended.decide(attempt()) == {"action": "pause", "message": "later"})


def test_a_changed_file_is_live_without_a_new_generation(host, attempt, tmp_path):
    rules = tmp_path / "routing.toml"
    rules.write_text("[[rule]]\nnew_mtaid = 1\n")
    one = host(with_file(rules))
    assert one.decide(attempt()) == {"action": "new_mtaid", "new_mtaid": "1"}
    rules.write_text("[[rule]]\nnew_mtaid = 2\n")
    eventually(lambda: one.decide(attempt()) == {"action": "new_mtaid", "new_mtaid": "2"})


def test_a_file_that_disappears_temp_fails_every_attempt_until_it_is_back(host, attempt, tmp_path):
    rules = tmp_path / "routing.toml"
    rules.write_text("[[rule]]\nnew_mtaid = 1\n")
    one = host(with_file(rules))
    rules.unlink()
    assert [one.decide(attempt()) for _ in range(3)] == [TEMPFAIL] * 3
    (vote,) = one.explain(attempt()).trace
    assert f"{rules} does not exist; expected a file of rules" in vote["error"]
    rules.write_text("[[rule]]\nnew_mtaid = 2\n")
    eventually(lambda: one.decide(attempt()) == {"action": "new_mtaid", "new_mtaid": "2"})
