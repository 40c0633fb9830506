"""pause_until.py: mail to a destination waits until a given time."""

from datetime import UTC, datetime, timedelta

import pytest

NORMAL = {"action": "normal"}
END = datetime(2030, 11, 25, 5, 0, tzinfo=UTC)
WAITS = {"action": "pause", "message": "Mail to slow.example waits until 2030-11-25T06:00+01:00"}


@pytest.fixture
def policy(chain, edited):
    """The hook as it comes, a minute before the end of the pause."""
    return chain(edited("pause_until"), now=END - timedelta(minutes=1))


def test_mail_to_the_destination_waits_however_its_domain_is_written(policy, addresses_at):
    for recipient in addresses_at("slow.example"):
        policy.assert_decision(WAITS, recipient=recipient)


def test_all_other_mail_goes(policy, addresses_not_at):
    for recipient in addresses_not_at("slow.example"):
        policy.assert_decision(NORMAL, recipient=recipient)


@pytest.mark.parametrize("domain", ["müller.example", "MÜLLER.example", "xn--mller-kva.example"])
def test_an_internationalised_domain_is_known_in_both_spellings(policy, domain):
    assert policy.decide(recipient=f"jane@{domain}")["action"] == "pause"


def test_the_pause_ends_with_the_second_that_was_written_down(policy):
    policy.set_time(END - timedelta(microseconds=1))
    policy.assert_decision(WAITS, recipient="jane@slow.example")
    policy.set_time(END)
    policy.assert_decision(NORMAL, recipient="jane@slow.example")


def test_a_time_without_its_offset_is_a_load_error(chain, edited):
    policy = chain(edited("pause_until", UNTIL='{"slow.example": "2030-11-25T06:00"}'), broken=True)
    assert "UNTIL of slow.example: 2030-11-25T06:00 lacks its offset" in policy.problem
