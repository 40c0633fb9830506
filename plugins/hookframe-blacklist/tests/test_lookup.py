from __future__ import annotations

import sys

import pytest
from hookframe_blacklist import Blacklist, BlacklistError


@pytest.fixture
def listing(tmp_path, configured):
    """Makes a plugin with the given recipients and senders."""

    def make(recipients: str | bytes = "", senders: str | bytes = "") -> Blacklist:
        paths = {}
        for key, text in (("recipients", recipients), ("senders", senders)):
            path = tmp_path / f"{key}.txt"
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
            paths[key] = str(path)
        return configured(**paths)

    return make


def test_an_attempt_that_matches_nothing_is_left_alone(listing, attempt):
    plugin = listing("other@example.org\n@example.com\n", "other@example.net\n<>\n")
    assert plugin.pre_delivery_attempt(attempt()) is None


@pytest.mark.parametrize(
    "recipient",
    ["user@example.org", "USER@Example.ORG", "user@example.org.", "User@EXAMPLE.ORG."],
)
@pytest.mark.parametrize("entry", ["user@example.org", "User@example.ORG.", "@EXAMPLE.org."])
def test_a_recipient_matches_whatever_the_case_and_the_final_dot(
    listing, attempt, entry, recipient
):
    assert listing(f"{entry}\n").pre_delivery_attempt(attempt(recipient=recipient))


@pytest.mark.parametrize(
    "recipient",
    ["user@sub.example.org", "user@notexample.org", "user@example.org.example.com", "example.org"],
)
def test_a_domain_stands_for_itself_alone(listing, attempt, recipient):
    plugin = listing("@example.org\n")
    assert plugin.pre_delivery_attempt(attempt(recipient=recipient)) is None


def test_a_domain_matches_what_follows_the_last_at_sign(listing, attempt):
    plugin = listing("@example.org\n")
    assert plugin.pre_delivery_attempt(attempt(recipient='"a@b"@example.org'))
    assert plugin.pre_delivery_attempt(attempt(recipient='"a@example.org"@b.example')) is None


@pytest.mark.parametrize("entry", ["sender@example.net", "@example.net"])
def test_a_sender_matches_by_address_or_domain(listing, attempt, entry):
    assert listing(senders=f"{entry}\n").pre_delivery_attempt(attempt())


def test_the_lists_of_recipients_and_of_senders_are_apart(listing, attempt):
    plugin = listing("sender@example.net\n@example.net\n", "user@example.org\n@example.org\n")
    assert plugin.pre_delivery_attempt(attempt()) is None


def test_the_null_sender_matches_a_bounce_only(listing, attempt):
    plugin = listing(senders="<>\n")
    assert plugin.pre_delivery_attempt(attempt(sender=""))
    assert plugin.pre_delivery_attempt(attempt()) is None
    assert listing(senders="@example.com\n").pre_delivery_attempt(attempt(sender="")) is None


def test_an_empty_recipient_or_one_without_a_domain_matches_nothing(listing, attempt):
    plugin = listing("\n@example.org\nm@example.org\n", "<>\n")
    for recipient in ("", "postmaster", "<>", ".", "example.org"):
        assert plugin.pre_delivery_attempt(attempt(recipient=recipient)) is None


def test_bytes_that_are_not_utf_8_match_the_same_bytes(listing, attempt):
    plugin = listing(b"m\xfcller@example.org\n@b\xfccher.example\n")
    for raw in (b"m\xfcller@example.org", b"x@b\xfccher.example"):
        recipient = raw.decode("utf-8", "surrogateescape")
        assert plugin.pre_delivery_attempt(attempt(recipient=recipient))
    assert plugin.pre_delivery_attempt(attempt(recipient="müller@example.org")) is None


def test_an_address_that_no_file_can_hold_matches_nothing_and_is_no_error(listing, attempt):
    plugin = listing("@example.com\n", "@example.com\n")
    assert plugin.pre_delivery_attempt(attempt(recipient="\ud800@example.org", sender="\n")) is None


def test_a_caller_that_changes_a_decision_changes_no_other(listing, attempt):
    plugin = listing("@example.org\n")
    plugin.pre_delivery_attempt(attempt())["action"] = "normal"
    assert plugin.pre_delivery_attempt(attempt())["action"] == "dump"


@pytest.mark.slow
def test_a_hundred_thousand_entries_are_all_found_and_nothing_else(listing, attempt):
    plugin = listing("".join(f"user{n}@host{n % 97}.example\n" for n in range(100_000)))
    for number in range(100_000):
        listed = f"User{number}@host{number % 97}.example"
        assert plugin.pre_delivery_attempt(attempt(recipient=listed)) is not None
    for number in range(1000):
        unlisted = f"user{number}@host{number % 97 + 1}.example"
        assert plugin.pre_delivery_attempt(attempt(recipient=unlisted)) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "sizes", [(10, 10_000), (20_000, 150_000)], ids=["kept as a set", "kept as a table"]
)
def test_a_lookup_takes_the_same_steps_in_a_short_list_and_in_a_long_one(
    configured, attempt, tmp_path, sizes
):
    steps = []
    for size in sizes:
        path = tmp_path / f"{size}.txt"
        path.write_text("".join(f"user{n}@example.com\n" for n in range(size)))
        plugin = configured(recipients=str(path), check_every="1h")
        steps.append(_steps(plugin, attempt()))
    assert steps[0] == steps[1]


def _steps(plugin: Blacklist, attempt: dict[str, object]) -> list[tuple[str, str]]:
    """Every line run and every function called or returned from, while deciding."""
    steps = []

    def note(frame, event, _):
        steps.append((event, f"{frame.f_code.co_name}:{frame.f_lineno}"))
        return note

    before = sys.gettrace()
    sys.settrace(note)
    try:
        plugin.pre_delivery_attempt(attempt)
    finally:
        sys.settrace(before)
    return steps


def test_a_plugin_without_settings_fails_rather_than_lets_pass(attempt, listing):
    with pytest.raises(BlacklistError, match="no settings yet"):
        Blacklist().pre_delivery_attempt(attempt())
    plugin = listing("@example.org\n")
    plugin.close()
    with pytest.raises(BlacklistError, match="no settings yet"):
        plugin.pre_delivery_attempt(attempt())


@pytest.mark.parametrize(
    "recipient", ["user@müller.example", "user@MÜLLER.example.", "user@xn--mller-kva.example"]
)
@pytest.mark.parametrize(
    "entry",
    ["user@müller.example", "@Müller.example", "@xn--mller-kva.example", "@mu\u0308ller.example"],
)
def test_a_domain_matches_in_both_its_spellings(listing, attempt, entry, recipient):
    plugin = listing(f"{entry}\n")
    assert plugin.pre_delivery_attempt(attempt(recipient=recipient))
    assert plugin.pre_delivery_attempt(attempt(recipient="user@mueller.example")) is None
