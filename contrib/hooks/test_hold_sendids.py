"""hold_sendids.py: a kill switch for a campaign, or for all mail."""

import os
from pathlib import Path

import pytest

from hookframe.testing import TEMPFAIL, make_attempt

HELD = {"action": "pause", "message": "Held by the operator"}
NORMAL = {"action": "normal"}


@pytest.fixture
def hook(edited):
    """The hook, alone in its directory."""
    return edited("hold_sendids")


@pytest.fixture
def write(hook):
    """Write the list, as a program does that a reader shall never see halfway."""

    def write(content):
        new = hook.with_name("new")
        new.write_bytes(content if isinstance(content, bytes) else content.encode())
        new.replace(hook.with_name("held_sendids.txt"))

    return write


def test_what_is_listed_is_held_and_all_else_goes(chain, hook, write):
    write("# who and when\nwrong-prices\n\n  spaced \r\nfrühling")
    policy = chain(hook)
    for sendid in ("wrong-prices", "spaced", "frühling"):
        policy.assert_decision(HELD, sendid=sendid)
    for sendid in ("", "#", "# who and when", "who", "Wrong-Prices", "wrong-prices2", "\ud800"):
        policy.assert_decision(NORMAL, sendid=sendid)


def test_a_star_holds_all_mail(chain, hook, write):
    write("*\n")
    policy = chain(hook)
    for sendid in ("", "wrong-prices", "*", "\ud800"):
        policy.assert_decision(HELD, sendid=sendid)


def test_a_star_in_a_sendid_is_no_pattern(chain, hook, write):
    write("spring*\n")
    policy = chain(hook)
    policy.assert_decision(NORMAL, sendid="spring-sale")
    policy.assert_decision(HELD, sendid="spring*")


def test_an_empty_list_holds_nothing(chain, hook, write):
    write("")
    os.utime(hook.with_name("held_sendids.txt"), (1, 1))
    chain(hook).assert_decision(NORMAL)


@pytest.mark.parametrize("content", [b"\xef\xbb\xbfwrong-prices\r\n", "wrong-prices"])
def test_a_list_from_another_system_is_read_as_well(chain, hook, write, content):
    write(content)
    chain(hook).assert_decision(HELD, sendid="wrong-prices")


def test_the_next_attempt_knows_of_a_change(chain, hook, write):
    write("one\n")
    policy = chain(hook)
    for now, before in (("two", "one"), ("one", "two"), ("two", "one")):
        write(f"{now}\n")
        policy.assert_decision(HELD, sendid=now)
        policy.assert_decision(NORMAL, sendid=before)


def test_an_attempt_of_the_same_second_knows_of_a_change_of_the_same_size(chain, hook, write):
    policy = None
    for sendid in ("one", "two"):
        write(f"{sendid}\n")
        os.utime(hook.with_name("held_sendids.txt"), (1_000_000_000, 1_000_000_000))
        policy = policy or chain(hook)
        policy.assert_decision(HELD, sendid=sendid)


def test_without_a_list_nothing_is_delivered_and_the_log_says_what_to_do(chain, hook):
    policy = chain(hook)
    policy.assert_decision(TEMPFAIL)
    assert "held_sendids.txt does not exist; put the list back, an empty one if" in policy.log[-1]


def test_when_the_list_is_lost_all_mail_waits_until_it_is_back(chain, hook, write):
    write("one\n")
    policy = chain(hook)
    policy.assert_decision(NORMAL)
    hook.with_name("held_sendids.txt").unlink()
    policy.assert_decision(TEMPFAIL)
    policy.assert_decision(TEMPFAIL, sendid="one")
    write("one\n")
    policy.assert_decision(NORMAL)
    policy.assert_decision(HELD, sendid="one")


def test_a_list_that_is_no_text_is_an_error_until_it_is_mended(chain, hook, write):
    write("one\n")
    policy = chain(hook)
    policy.assert_decision(NORMAL)
    write(b"\xff\xfeo\0n\0e\0")
    policy.assert_decision(TEMPFAIL)
    policy.assert_decision(TEMPFAIL)
    write("two\n")
    policy.assert_decision(HELD, sendid="two")


def test_a_directory_in_the_place_of_the_list_is_an_error(chain, hook):
    hook.with_name("held_sendids.txt").mkdir()
    policy = chain(hook)
    policy.assert_decision(TEMPFAIL)
    assert "is a directory, not a regular file" in policy.log[-1]


def test_while_the_list_is_written_the_old_one_counts(chain, hook, write):
    write("one\n")
    policy = chain(hook)
    policy.assert_decision(HELD, sendid="one")
    with hook.with_name("held_sendids.txt").open("w") as file:
        file.write("tw")
        file.flush()
        policy.assert_decision(HELD, sendid="one")
        policy.assert_decision(NORMAL, sendid="two")
        file.write("o\n")
    policy.assert_decision(HELD, sendid="two")
    policy.assert_decision(NORMAL, sendid="one")


def test_a_list_that_was_never_seen_whole_is_an_error(chain, hook):
    with hook.with_name("held_sendids.txt").open("w") as file:
        file.write("tw")
        file.flush()
        policy = chain(hook)
        policy.assert_decision(TEMPFAIL, sendid="two")
        assert "is being written; it counts when it is complete" in policy.log[-1]


def test_the_sample_beside_it_can_be_read(chain):
    policy = chain(Path(__file__).with_name("hold_sendids.py"))
    policy.assert_decision(HELD, sendid="wrong-prices")
    policy.assert_decision(NORMAL, make_attempt())
