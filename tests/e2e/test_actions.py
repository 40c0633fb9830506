"""Each action, seen on the wire and in the log, and where it ends for the sender."""

from __future__ import annotations

import pytest

from ..helpers.attempts import MESSAGE


def the_one(transactions):
    assert len(transactions) == 1, transactions
    return transactions[0]


def test_a_message_that_names_no_virtualmta_leaves_by_the_default_one_unchanged(exim, sink, policy):
    msguid = exim.send("Plain@remote.test", sender="Jane@sender.test")
    seen = the_one(sink.seen("Plain@remote.test"))
    assert (seen["peer"], seen["helo"]) == ("127.0.0.2", "main.test")
    assert (seen["mail"], seen["host"]) == ("<Jane@sender.test>", "127.0.0.11")
    assert msguid not in exim.queue()


def test_a_message_leaves_by_the_virtualmta_that_it_names_and_without_the_private_headers(
    exim, sink, policy
):
    headers = ["X-VirtualMTA: vmta2", "X-SendID: s1", "List-ID: <l.sender.test>"]
    exim.send("named@remote.test", headers=headers)
    seen = the_one(sink.seen("named@remote.test"))
    assert (seen["peer"], seen["helo"]) == ("127.0.0.3", "vmta2.test")
    assert "x-virtualmta" not in seen["headers"]
    assert "x-sendid" not in seen["headers"]
    assert seen["headers"]["list-id"] == "<l.sender.test>"


def test_new_mtaid_delivers_from_that_virtualmtas_address_with_its_helo(exim, sink, policy):
    policy.decide({"move@remote.test": {"action": "new_mtaid", "new_mtaid": "vmta3"}})
    exim.send("move@remote.test", headers=["X-VirtualMTA: vmta2"])
    seen = the_one(sink.seen("move@remote.test"))
    assert (seen["peer"], seen["helo"]) == ("127.0.0.4", "vmta3.test")


@pytest.mark.parametrize("new_sender", ["bounces+42@verp.test", "O'Neil#1@verp.test", ""])
def test_new_config_changes_the_envelope_sender_and_the_virtualmta(exim, sink, policy, new_sender):
    recipient = f"config{len(new_sender)}@remote.test"
    decision = {"action": "new_config", "new_mtaid": "vmta2", "new_sender": new_sender}
    policy.decide({recipient: decision})
    exim.send(recipient)
    seen = the_one(sink.seen(recipient))
    assert (seen["mail"], seen["peer"]) == (f"<{new_sender}>", "127.0.0.3")


def test_a_new_sender_whose_domain_is_not_ascii_is_sent_with_a_labels(exim, sink, policy):
    sender = "bounces@MÜLLER.verp.test"
    policy.decide({"idn@remote.test": {"action": "new_config", "new_sender": sender}})
    exim.send("idn@remote.test")
    assert the_one(sink.seen("idn@remote.test"))["mail"] == "<bounces@xn--mller-kva.verp.test>"


def test_a_new_sender_that_needs_smtputf8_defers_and_the_log_says_why(
    exim, sink, policy, make_daemon
):
    sender = "jürgen@verp.test"
    policy.decide({"utf8@remote.test": {"action": "new_config", "new_sender": sender}})
    msguid = exim.send("utf8@remote.test")
    assert exim.deferrals(msguid) == {"utf8@remote.test": MESSAGE}
    assert sink.seen("utf8@remote.test") == []
    make_daemon.made[-1].wait_for(
        "local part is not ASCII, as its own addresses are; return one in ASCII"
    )


def test_the_mainlog_shows_the_address_that_has_sent(exim, sink, policy):
    policy.decide({"from@remote.test": {"action": "new_mtaid", "new_mtaid": "vmta3"}})
    msguid = exim.send("from@remote.test")
    [line] = [line for line in exim.log(msguid) if " => " in line]
    assert " I=[127.0.0.4]" in line


def test_new_config_may_change_the_sender_alone(exim, sink, policy):
    policy.decide({"only@remote.test": {"action": "new_config", "new_sender": "n@verp.test"}})
    exim.send("only@remote.test", headers=["X-VirtualMTA: vmta3"])
    seen = the_one(sink.seen("only@remote.test"))
    assert (seen["mail"], seen["peer"]) == ("<n@verp.test>", "127.0.0.4")


@pytest.mark.parametrize(
    "more", [{"action": "normal"}, {"action": "new_mtaid", "new_mtaid": "vmta2"}]
)
def test_deliver_as_if_to_domain_goes_to_that_domains_host_with_the_recipient_untouched(
    exim, sink, policy, more
):
    recipient = f"as.if.{more['action']}@remote.test"
    policy.decide({recipient: more | {"deliver_as_if_to_domain": "Other.test"}})
    exim.send(recipient)
    seen = the_one(sink.seen(recipient))
    assert seen["host"] == "127.0.0.12"
    assert seen["peer"] == ("127.0.0.3" if "new_mtaid" in more else "127.0.0.2")


def test_a_paused_message_stays_in_the_queue_with_the_hooks_message_and_is_asked_about_again(
    exim, sink, policy
):
    policy.decide({"wait@remote.test": {"action": "pause", "message": "Not now."}})
    msguid = exim.send("wait@remote.test")
    assert exim.deferrals(msguid) == {"wait@remote.test": "Not now."}
    assert exim.queue()[msguid] == ["wait@remote.test"]
    assert sink.seen("wait@remote.test") == []

    policy.decide({"wait@remote.test": None})
    exim.attempt(msguid)
    the_one(sink.seen("wait@remote.test"))
    assert [attempt["is_first_attempt"] for attempt in policy.asked(msguid)] == [True, False]


def test_a_dumped_message_bounces_with_the_hooks_message(exim, sink, policy):
    message = "This address is on an internal blacklist. (#5.7.1)"
    policy.decide({"gone@remote.test": {"action": "dump", "message": message}})
    msguid = exim.send("gone@remote.test")
    exim.deliver_bounce_of(msguid)
    assert any(" ** gone@" in line and line.endswith(f": {message}") for line in exim.log(msguid))
    assert message in exim.bounces()["gone@remote.test"].text
    assert msguid not in exim.queue()
    assert sink.seen("gone@remote.test") == []


def test_pause_and_dump_without_a_message_say_who_it_was(exim, policy):
    policy.decide({"p0@remote.test": {"action": "pause"}, "d0@remote.test": {"action": "dump"}})
    msguid = exim.send("p0@remote.test", "d0@remote.test")
    assert exim.deferrals(msguid) == {"p0@remote.test": "Paused by the delivery policy"}
    assert any("Dumped by the delivery policy" in line for line in exim.log(msguid))


MESSAGES = {
    "quotes": 'a "quoted" word',
    "backslash": r"C:\temp, \\server\share and \x41",
    "expansion": "${readsocket{/nowhere}{x}} $domain ${run{/bin/false}} \\N",
    "redirect": ":fail: x, other@remote.test; :include:/etc/passwd",
    "blackhole": ":blackhole:",
    "filter": "# Exim filter",
    "file": "/etc/passwd, |/bin/sh",
    "commas": "one, two; three: four",
    "code": "250 2.0.0 all is well",
    "utf8": "Zurückgestellt für später ✉ 私",
    "end": 'it says end="1" action="normal"',
    "braces": "} {} }{ {{",
    "percent": "100 %s %n %d",
}


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("action", ["pause", "dump"])
def test_a_message_reaches_the_log_and_the_bounce_as_it_is(exim, sink, policy, name, action):
    text, recipient = MESSAGES[name], f"{name}.{action}@remote.test"
    policy.decide({recipient: {"action": action, "message": text}})
    msguid = exim.send(recipient)
    assert sink.seen(recipient) == []
    if action == "pause":
        assert exim.deferrals(msguid) == {recipient: text}
        assert exim.queue()[msguid] == [recipient]
    else:
        exim.deliver_bounce_of(msguid)
        assert any(line.endswith(f"R=hookframe_ask: {text}") for line in exim.log(msguid))
        lines = exim.bounces()[recipient].text.splitlines()
        assert text in [line.strip() for line in lines]


CANNOT = [
    {"action": "new_mtaid", "new_mtaid": "nosuch"},
    {"action": "new_mtaid", "new_mtaid": "vmta2 "},
    {"action": "new_config", "new_mtaid": "nosuch", "new_sender": "n@verp.test"},
    {"action": "normal", "deliver_as_if_to_domain": "other.test/MX"},
    {"action": "normal", "deliver_as_if_to_domain": "127.0.0.12:2500"},
    {"action": "new_config", "new_sender": "a@b.test>"},
]


@pytest.mark.parametrize("number", range(len(CANNOT)))
def test_a_decision_that_exim_cannot_carry_out_is_a_temp_fail(exim, sink, policy, number):
    decision, recipient = CANNOT[number], f"cannot{number}@remote.test"
    policy.decide({recipient: decision})
    msguid = exim.send(recipient)
    assert exim.deferrals(msguid) == {recipient: MESSAGE}
    assert sink.seen(recipient) == []


def test_a_rejected_message_bounces_to_its_own_sender_even_with_another_envelope_sender(
    exim, policy
):
    policy.decide({"reject@remote.test": {"action": "new_config", "new_sender": "v@verp.test"}})
    exim.deliver_bounce_of(exim.send("reject@remote.test"))
    assert exim.bounces()["reject@remote.test"].to == "s@sender.test"
