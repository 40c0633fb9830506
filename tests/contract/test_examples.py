"""The three examples of the documentation that the contract is modelled on, as hook files."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from ..helpers.attempts import ATTEMPT, NORMAL, TEMPFAIL, attempt
from ..helpers.site import policy

EXAMPLES = Path(__file__).parents[2] / "contrib" / "hooks"
NAMES = ("recipient_blacklist", "change_virtualmta", "do_nothing")
REFUSED = {"action": "dump", "message": "This address is on an internal blacklist. (#5.7.1)"}


@pytest.fixture
def example(site):
    """Start a host with an example as its hook file."""

    def example(name, **settings):
        code = (EXAMPLES / f"{name}.py").read_text()
        return site.host(policy(hook_file="hook.py", plugins={"file": settings}), code)

    return example


@pytest.fixture
def blacklist(site):
    """A list of two addresses, written as people write them."""
    path = site.directory / "list.txt"
    path.write_text("  spam@trap.example\t\r\n\nJohn.Doe@Remote.Example\n")
    return path


@pytest.fixture
def clock(monkeypatch):
    """A clock that a test sets forward; time goes on from it."""
    ahead = [0.0]
    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + ahead[0])

    def forward(seconds):
        ahead[0] += seconds

    return forward


@pytest.mark.parametrize(
    "recipient", ["spam@trap.example", "SPAM@TRAP.EXAMPLE", "john.doe@remote.example"]
)
def test_the_blacklist_refuses_whom_it_lists(recipient, example, blacklist):
    host = example("recipient_blacklist", list=str(blacklist))
    assert host.decide(attempt(recipient=recipient)) == REFUSED


@pytest.mark.parametrize("recipient", ["jane@remote.example", "", "trap.example"])
def test_the_blacklist_lets_everybody_else_through(recipient, example, blacklist):
    host = example("recipient_blacklist", list=str(blacklist))
    assert host.decide(attempt(recipient=recipient)) == NORMAL


def test_the_blacklist_is_read_again_every_three_seconds(example, blacklist, clock):
    host = example("recipient_blacklist", list=str(blacklist))
    assert host.decide(ATTEMPT) == NORMAL
    blacklist.write_text(ATTEMPT["recipient"])
    assert host.decide(ATTEMPT) == NORMAL
    clock(3)
    assert host.decide(ATTEMPT) == REFUSED
    blacklist.write_text("")
    assert host.decide(ATTEMPT) == REFUSED
    clock(3)
    assert host.decide(ATTEMPT) == NORMAL


def test_a_blacklist_that_is_gone_is_an_error_and_never_an_empty_list(
    example, blacklist, clock, log
):
    host = example("recipient_blacklist", list=str(blacklist))
    assert host.decide(ATTEMPT) == NORMAL
    blacklist.unlink()
    clock(3)
    assert host.decide(ATTEMPT) == TEMPFAIL
    assert "FileNotFoundError" in log.attempts[0]


def test_change_virtualmta_moves_one_campaign_and_says_so_on_standard_error(example, log):
    host = example("change_virtualmta")
    moved = {"action": "new_mtaid", "new_mtaid": "smtp1-3"}
    assert host.decide(attempt(sendid="trans170101")) == moved
    assert log.printed == ["plugin file: SendID trans170101 leaves by smtp1-3"]
    assert host.decide(ATTEMPT) == NORMAL
    assert len(log.printed) == 1


def test_do_nothing_changes_nothing(example):
    assert example("do_nothing").decide(ATTEMPT) == NORMAL


def test_the_examples_need_no_import_from_hookframe():
    files = [EXAMPLES / f"{name}.py" for name in NAMES]
    assert not any("import hookframe" in file.read_text() for file in files)
