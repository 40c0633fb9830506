"""The nine keys, as the hook receives them from Exim."""

from __future__ import annotations

import time

import pytest

NINE = {
    "mtaid", "sendid", "listid", "msguid", "injtime",
    "sender", "recipient", "is_first_attempt", "mtaid_exists",
}  # fmt: skip


def asked_once(exim, policy, *recipients, sender="s@sender.test", headers=()):
    """Send one message and return the one attempt that the hook got."""
    msguid = exim.send(*recipients, sender=sender, headers=headers)
    (attempt,) = policy.asked(msguid)
    return attempt


def test_the_hook_gets_all_nine_keys_of_a_message(exim, policy):
    headers = ["X-VirtualMTA: vmta2", "X-SendID: trans170101", "List-ID: News <news.sender.test>"]
    before = int(time.time())
    msguid = exim.send("Jane@Remote.Test", sender="S+tag@sender.test", headers=headers)
    (attempt,) = policy.asked(msguid)
    assert attempt.keys() == NINE
    assert before <= attempt.pop("injtime") <= int(time.time())
    assert attempt == {
        "mtaid": "vmta2",
        "sendid": "trans170101",
        "listid": "News <news.sender.test>",
        "msguid": msguid,
        "sender": "S+tag@sender.test",
        "recipient": "Jane@remote.test",
        "is_first_attempt": True,
        "mtaid_exists": True,
    }


def test_a_message_without_the_headers_belongs_to_the_default_virtualmta(exim, policy):
    attempt = asked_once(exim, policy, "bare@remote.test")
    assert (attempt["mtaid"], attempt["mtaid_exists"]) == ("main", True)
    assert (attempt["sendid"], attempt["listid"]) == ("", "")


@pytest.mark.parametrize("name", ["nosuch", "*", "main: x", "${domain}", 'main" end="1'])
def test_a_virtualmta_that_is_not_in_the_map_is_told_apart(exim, sink, policy, name):
    recipient = f"unknown{len(name)}@remote.test"
    attempt = asked_once(exim, policy, recipient, headers=[f"X-VirtualMTA: {name}"])
    assert (attempt["mtaid"], attempt["mtaid_exists"]) == (name, False)
    assert [seen["peer"] for seen in sink.seen(recipient)] == ["127.0.0.2"]


def test_a_repeated_virtualmta_header_names_none_that_exists(exim, policy):
    headers = ["X-VirtualMTA: vmta2", "X-VirtualMTA: vmta3"]
    attempt = asked_once(exim, policy, "twice@remote.test", headers=headers)
    assert attempt["mtaid"].splitlines() == ["vmta2", "vmta3"]
    assert not attempt["mtaid_exists"]


def test_encoded_headers_arrive_decoded(exim, policy):
    headers = ["List-ID: =?utf-8?q?Caf=C3=A9?= <c.test>", "X-SendID: =?iso-8859-1?q?=E4?="]
    attempt = asked_once(exim, policy, "encoded@remote.test", headers=headers)
    assert (attempt["listid"], attempt["sendid"]) == ("Café <c.test>", "ä")


HEADERS = {
    "decoded": "=?utf-8?q?Caf=C3=A9?= <c.test>",
    "folded": "a\r\n b\tc",
    "bytes that are not utf-8": "\udcff\udcfe",
    "bytes that are not of their character set": "=?us-ascii?q?=FF?=",
    "an unknown character set": "=?nosuch?q?=FF=20b?=",
    "an unknown character set beside a known one": "=?nosuch?q?=FF?= =?utf-8?q?=C3=A9?=",
    "base64 that is none": "=?utf-8?b?!!?=",
    "quoted-printable that is none": "=?utf-8?q?=ZZ?=",
}


@pytest.mark.parametrize("name", HEADERS)
def test_a_header_arrives_with_the_bytes_that_exim_has_for_it_decoded_or_not(
    exim, sink, policy, name
):
    recipient = f"{name.replace(' ', '.')}@remote.test"
    headers = [f"X-SendID: {HEADERS[name]}", f"List-ID: {HEADERS[name]}"]
    msguid = exim.queue_message(recipient, headers=headers)
    known = {key: exim.header(msguid, key) for key in ("X-SendID", "List-ID")}
    assert all(known.values())
    exim.attempt(msguid)
    (attempt,) = policy.asked(msguid)
    assert attempt["sendid"] == known["X-SendID"]
    assert attempt["listid"] == known["List-ID"]
    assert len(sink.seen(recipient)) == 1


def test_a_header_that_looks_like_a_request_stays_a_value(exim, policy):
    text = 'x\r\n recipient=ZXZpbA==\r\n \r\n end="1" {}$\\'
    attempt = asked_once(exim, policy, "forged@remote.test", headers=[f"X-SendID: {text}"])
    assert attempt["recipient"] == "forged@remote.test"
    assert attempt["sendid"].split() == text.split()


def test_a_header_is_cut_at_4000_bytes_and_the_message_is_delivered(exim, sink, policy):
    lines = "\r\n ".join(["x" * 900] * 100)
    attempt = asked_once(exim, policy, "long@remote.test", headers=[f"List-ID: {lines}"])
    assert len(attempt["listid"]) == 4000
    assert len(sink.seen("long@remote.test")) == 1


@pytest.mark.parametrize(
    ("written", "heard"),
    [
        ("MixedCase@remote.test", "MixedCase@remote.test"),
        ('"two words"@remote.test', '"two words"@remote.test'),
        ('"a\\"b\\\\c"@remote.test', '"a\\"b\\\\c"@remote.test'),
        ('"a@b"@remote.test', '"a@b"@remote.test'),
        ('".dot."@remote.test', '".dot."@remote.test'),
        ("o'neil+x=y/z%h!a#b@remote.test", "o'neil+x=y/z%h!a#b@remote.test"),
        ("$domain${run{x}}@remote.test", "$domain${run{x}}@remote.test"),
        ("jürgen@remote.test", "jürgen@remote.test"),
    ],
)
def test_the_recipient_is_the_one_that_the_wire_carries(exim, sink, policy, written, heard):
    attempt = asked_once(exim, policy, written)
    assert attempt["recipient"] == heard
    assert len(sink.seen(heard)) == 1


def test_quotes_that_an_address_does_not_need_are_left_out_for_the_hook(exim, policy):
    assert asked_once(exim, policy, '"plain"@remote.test')["recipient"] == "plain@remote.test"


def test_an_address_that_an_alias_leads_to_is_the_recipient(exim, sink, policy):
    attempt = asked_once(exim, policy, "staff@mta.test")
    assert attempt["recipient"] == "Jane.Doe@remote.test"
    assert len(sink.seen("Jane.Doe@remote.test")) == 1


def test_a_bounce_that_leaves_the_machine_has_an_empty_sender(exim, sink, policy):
    policy.decide({"dead@remote.test": {"action": "dump", "message": "no"}})
    msguid = exim.deliver_bounce_of(exim.send("dead@remote.test", sender="far@away.test"))
    (bounce,) = sink.seen("far@away.test")
    assert bounce["mail"] == "<>"
    (attempt,) = policy.asked(msguid)
    assert (attempt["sender"], attempt["recipient"]) == ("", "far@away.test")


def test_local_mail_is_not_asked_about(exim, policy):
    msguid = exim.send("someone@mta.test")
    assert policy.asked(msguid) == []
    assert msguid not in exim.queue()
