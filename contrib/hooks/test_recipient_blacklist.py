"""recipient_blacklist.py: recipients in a list are bounced."""

import pytest

from hookframe.testing import TEMPFAIL

REFUSED = {"action": "dump", "message": "This address is on an internal blacklist. (#5.7.1)"}
NORMAL = {"action": "normal"}


@pytest.fixture
def hook(edited):
    """The hook, with a list beside it, written as people write them."""
    path = edited("recipient_blacklist")
    lines = "  spam@trap.example\t\r\n\nJohn.Doe@Remote.Example\nmüller@trap.example\n"
    path.with_suffix(".txt").write_bytes(lines.encode() + b"\xff@trap.example\n")
    return path


@pytest.mark.parametrize(
    "recipient",
    [
        "spam@trap.example",
        "SPAM@Trap.Example",
        "john.doe@remote.example",
        "MÜLLER@trap.example",
        "\udcff@trap.example",
    ],
)
def test_whom_it_lists_is_refused(chain, hook, recipient):
    chain(hook).assert_decision(REFUSED, recipient=recipient)


@pytest.mark.parametrize(
    "recipient",
    [
        "",
        "trap.example",
        "jane@trap.example",
        "spam@trap.example\n",
        '"spam@trap.example"',
        "\ud800",
    ],
)
def test_everybody_else_is_not(chain, hook, recipient):
    chain(hook).assert_decision(NORMAL, recipient=recipient)


def test_a_change_counts_when_three_seconds_are_over(chain, hook):
    policy = chain(hook, now=1_000_000_000)
    policy.assert_decision(NORMAL, recipient="new@trap.example")
    hook.with_suffix(".txt").write_text("new@trap.example\n")
    policy.advance(2.9)
    policy.assert_decision(NORMAL, recipient="new@trap.example")
    policy.advance(0.1)
    policy.assert_decision(REFUSED, recipient="new@trap.example")
    policy.assert_decision(NORMAL, recipient="spam@trap.example")


def test_a_list_that_is_gone_is_an_error_and_never_an_empty_one(chain, hook):
    policy = chain(hook, now=1_000_000_000)
    policy.decide()
    hook.with_suffix(".txt").unlink()
    policy.advance(3)
    policy.assert_decision(TEMPFAIL)
    assert "FileNotFoundError" in policy.log[-1]
    hook.with_suffix(".txt").write_text("new@trap.example\n")
    policy.assert_decision(REFUSED, recipient="new@trap.example")


def test_another_list_may_be_named_in_the_settings(chain, hook, tmp_path):
    (tmp_path / "other").write_text("jane@trap.example\n")
    policy = chain(hook, settings={"list": str(tmp_path / "other")})
    policy.assert_decision(REFUSED, recipient="jane@trap.example")
    policy.assert_decision(NORMAL, recipient="spam@trap.example")


def test_an_unknown_setting_is_a_load_error(chain, hook):
    policy = chain(hook, settings={"lists": "x"}, broken=True)
    assert "unknown settings: lists; known: list" in policy.problem
