"""verp_sender.py: the envelope sender says whom a bounce is about."""

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hookframe.testing import attempts

HOOK = Path(__file__).with_name("verp_sender.py")
NORMAL = {"action": "normal"}
ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
DOT_STRING = re.compile(rf"{ATOM}(\.{ATOM})*")
"""what an ASCII local part without quotes may be (RFC 5321, 4.1.2)"""


@pytest.fixture
def sender_for(chain):
    """Give the new envelope sender for a recipient; None if it stays."""
    policy = chain(HOOK)

    def sender_for(recipient, sender="bounces@example.com"):
        decision = policy.decide(sender=sender, recipient=recipient)
        assert "error" not in decision, policy.log
        return decision.get("new_sender")

    return sender_for


def recipient_of(sender):
    """Read the recipient back, as a program that processes bounces does."""
    local_part = sender.rpartition("@")[0].removeprefix("bounces+")
    name, _, domain = local_part.partition("=")
    return "@".join(decoded(piece) for piece in (name, domain))


def decoded(piece):
    """Undo the +XX."""
    encoded = re.compile(rb"\+([0-9A-F]{2})")
    data = encoded.sub(lambda found: bytes.fromhex(found[1].decode()), piece.encode())
    return data.decode("utf-8", "surrogatepass")


@pytest.mark.parametrize(
    ("recipient", "sender"),
    [
        ("jane@example.net", "bounces+jane=example.net@example.com"),
        ("Jane.Doe@EXAMPLE.net.", "bounces+Jane.Doe=example.net@example.com"),
        ("jane+news@example.net", "bounces+jane+2Bnews=example.net@example.com"),
        ("a=b@example.net", "bounces+a+3Db=example.net@example.com"),
        ('"john doe"@example.net', "bounces++22john+20doe+22=example.net@example.com"),
        ('"a@b"@example.net', "bounces++22a+40b+22=example.net@example.com"),
        ('"a..b."@example.net', "bounces++22a+2E.b.+22=example.net@example.com"),
        ("a..b.@example.net", "bounces+a+2E.b+2E=example.net@example.com"),
        ("o'brien@example.net", "bounces+o+27brien=example.net@example.com"),
        ("jörg@müller.example", "bounces+j+C3+B6rg=m+C3+BCller.example@example.com"),
        ("jane@[192.0.2.1]", "bounces+jane=+5B192.0.2.1+5D@example.com"),
    ],
)
def test_the_recipient_stands_in_the_sender(sender_for, recipient, sender):
    assert sender_for(recipient) == sender


def test_a_bounce_keeps_the_null_sender(sender_for):
    assert sender_for("jane@example.net", "") is None


@pytest.mark.parametrize(
    "sender",
    [
        "bounces",
        "@example.com",
        "bounces@",
        "bounces@elsewhere.example",
        "bounces@sub.example.com",
        "bounces@example.com@elsewhere.example",
        '"bounce handler"@example.com',
        '"bounces"@example.com',
        "bounces@example.com@example.com",
        ".bounces@example.com",
        "bounces.@example.com",
        "bo..unces@example.com",
        "bounces\n@example.com",
        "bounces \u3000@example.com",
        "bounces\ud800@example.com",
        "<bounces@example.com",
    ],
)
def test_a_sender_of_others_or_one_that_needs_quotes_stays(sender_for, sender):
    assert sender_for("jane@example.net", sender) is None


@pytest.mark.parametrize("sender", ["bounces@EXAMPLE.com", "bounces@example.com."])
def test_the_domain_of_the_sender_counts_however_it_is_written(sender_for, sender):
    expected = "bounces+jane=example.net@example.com"
    assert sender_for("jane@example.net", sender) == expected


def test_a_sender_with_letters_beyond_ascii_may_have_a_recipient_too(sender_for):
    expected = "rückläufer+jane=example.net@example.com"
    assert sender_for("jane@example.net", "rückläufer@example.com") == expected


@pytest.mark.parametrize("recipient", ["", "jane", "jane@", "@example.net", "@", "jane@."])
def test_a_recipient_that_is_no_address_leaves_the_sender_alone(sender_for, recipient):
    assert sender_for(recipient) is None


def test_the_local_part_has_64_bytes_at_most(sender_for):
    room = 64 - len("bounces+=example.net")
    fits = sender_for("j" * room + "@example.net")
    assert len(fits.rpartition("@")[0]) == 64
    assert sender_for("j" * (room + 1) + "@example.net") is None


def test_bytes_count_and_not_letters(sender_for):
    room = 64 - len("+jane=example.net")
    assert sender_for("jane@example.net", "ü" * (room // 2) + "@example.com")
    assert sender_for("jane@example.net", "ü" * (room // 2 + 1) + "@example.com") is None


def test_the_address_has_254_bytes_at_most(chain, edited):
    domain = ".".join(["d" * 59, "d" * 59, "d" * 59, "d" * 43])
    policy = chain(edited("verp_sender", DOMAINS=repr({domain})))
    fits = "b" * (254 - len(f"+jane=example.net@{domain}"))
    decision = policy.decide(sender=f"{fits}@{domain}", recipient="jane@example.net")
    assert len(decision["new_sender"]) == 254
    policy.assert_decision(NORMAL, sender=f"b{fits}@{domain}", recipient="jane@example.net")


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    st.one_of(
        attempts().map(lambda attempt: attempt["recipient"]),
        st.builds(
            "{}@{}".format, st.text(max_size=12), st.sampled_from(("b.example", "ü.example"))
        ),
    )
)
def test_each_new_sender_is_a_legal_one_from_which_the_recipient_can_be_read(sender_for, recipient):
    sender = sender_for(recipient)
    if sender is not None:
        local_part, _, domain = sender.rpartition("@")
        assert DOT_STRING.fullmatch(local_part)
        assert len(local_part) <= 64
        assert domain == "example.com"
        name, _, domain = recipient.rpartition("@")
        assert recipient_of(sender) == f"{name}@{domain.lower().removesuffix('.')}"
