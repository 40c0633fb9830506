"""quiet_hours.py: mail waits while it is night where its recipient lives."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

NORMAL = {"action": "normal"}
BERLIN = ZoneInfo("Europe/Berlin")
NOON = datetime(2026, 11, 25, 12, 0, tzinfo=BERLIN)
NIGHT = datetime(2026, 11, 25, 23, 0, tzinfo=BERLIN)
WAITS = {"action": "pause", "message": "Quiet hours until 08:00, Europe/Berlin"}


@pytest.fixture
def policy(chain, edited):
    """The hook as it comes: quiet from 21:30 until 8:00."""
    return chain(edited("quiet_hours"))


@pytest.fixture
def waits(policy):
    """Say whether mail to a recipient waits at a moment."""

    def waits(moment, recipient="jane@web.de"):
        policy.set_time(moment)
        decision = policy.decide(recipient=recipient)
        assert "error" not in decision, policy.log
        return decision["action"] == "pause"

    return waits


@pytest.mark.parametrize(
    ("hour", "minute", "second", "quiet"),
    [
        (21, 29, 59, False),
        (21, 30, 0, True),
        (23, 59, 59, True),
        (0, 0, 0, True),
        (7, 59, 59, True),
        (8, 0, 0, False),
        (12, 0, 0, False),
    ],
)
def test_quiet_hours_go_past_midnight(waits, hour, minute, second, quiet):
    assert waits(datetime(2026, 11, 25, hour, minute, second, tzinfo=BERLIN)) == quiet


@pytest.mark.parametrize(("hour", "quiet"), [(11, False), (12, True), (14, True), (15, False)])
def test_quiet_hours_may_also_lie_within_a_day(chain, edited, hour, quiet):
    policy = chain(edited("quiet_hours", HOURS="(time(12), time(15))"))
    policy.set_time(datetime(2026, 11, 25, hour, tzinfo=BERLIN))
    assert (policy.decide(recipient="jane@web.de")["action"] == "pause") == quiet


def test_without_any_hours_nothing_is_quiet(chain, edited):
    policy = chain(edited("quiet_hours", HOURS="(time(8), time(8))"), now=NIGHT.replace(hour=8))
    policy.assert_decision(NORMAL, recipient="jane@web.de")


@pytest.mark.parametrize(
    ("last", "first"),
    [
        # the nights in which the clocks of Germany change: 8:00 is 6:00 UTC in summer, else 7:00
        (datetime(2026, 3, 28, 6, 59, 59, tzinfo=UTC), datetime(2026, 3, 28, 7, tzinfo=UTC)),
        (datetime(2026, 3, 29, 5, 59, 59, tzinfo=UTC), datetime(2026, 3, 29, 6, tzinfo=UTC)),
        (datetime(2026, 10, 24, 5, 59, 59, tzinfo=UTC), datetime(2026, 10, 24, 6, tzinfo=UTC)),
        (datetime(2026, 10, 25, 6, 59, 59, tzinfo=UTC), datetime(2026, 10, 25, 7, tzinfo=UTC)),
    ],
)
def test_they_end_at_eight_by_the_clock_on_the_wall_in_summer_and_in_winter(waits, last, first):
    assert waits(last)
    assert not waits(first)


@pytest.mark.parametrize(
    ("morning", "hours"),
    [
        (datetime(2026, 3, 29, 12, tzinfo=BERLIN), 9.5),
        (datetime(2026, 10, 25, 12, tzinfo=BERLIN), 11.5),
        (datetime(2026, 11, 25, 12, tzinfo=BERLIN), 10.5),
    ],
)
def test_a_night_in_which_the_clocks_change_is_an_hour_shorter_or_longer(waits, morning, hours):
    noon = morning.astimezone(UTC)
    quarters = [noon - timedelta(minutes=15 * number) for number in range(1, 4 * 18)]
    assert sum(map(waits, quarters)) == 4 * hours


def test_each_domain_has_its_own_clock(waits):
    evening_in_berlin = datetime(2026, 11, 25, 22, tzinfo=BERLIN)
    assert waits(evening_in_berlin, "jane@web.de")
    assert not waits(evening_in_berlin, "jane@example.com")  # 16:00 in New York
    assert waits(evening_in_berlin, "jane@example.jp")  # 6:00 in Tokyo
    assert not waits(evening_in_berlin + timedelta(hours=2), "jane@example.jp")


def test_the_entry_of_a_domain_goes_before_that_of_all_below_de(chain, edited):
    zones = '{".de": "Europe/Berlin", "example.de": "America/New_York"}'
    policy = chain(edited("quiet_hours", ZONES=zones), now=NIGHT)
    policy.assert_decision(WAITS, recipient="jane@other.de")
    policy.assert_decision(NORMAL, recipient="jane@example.de")


def test_mail_waits_however_its_domain_is_written(policy, addresses_at):
    policy.set_time(NIGHT)
    for recipient in addresses_at("sub.web.de"):
        policy.assert_decision(WAITS, recipient=recipient)


@pytest.mark.parametrize(
    "recipient", ["", "web.de", ".de", "jane@de", "jane@", "jane@web.de.example", "jane@\ud800"]
)
def test_what_has_no_entry_goes(policy, recipient):
    policy.set_time(NIGHT)
    policy.assert_decision(NORMAL, recipient=recipient)


def test_some_campaigns_never_wait(policy):
    policy.set_time(NIGHT)
    policy.assert_decision(NORMAL, recipient="jane@web.de", sendid="passwords")
    policy.assert_decision(WAITS, recipient="jane@web.de", sendid="Passwords")


def test_a_time_zone_that_does_not_exist_is_a_load_error(chain, edited):
    policy = chain(edited("quiet_hours", ZONES='{".de": "Europe/Berln"}'), broken=True)
    assert "Europe/Berln" in policy.problem
