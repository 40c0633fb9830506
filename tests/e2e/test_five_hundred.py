"""500 messages of all kinds, the daemon killed in the middle: every one is accounted for."""

from __future__ import annotations

from collections import Counter

import pytest

from hookframe.testing import eventually

from ..helpers.attempts import MESSAGE
from .exim import Message, deferred

HOOK = """\
DECISIONS = {
    "normal": None,
    "named": {"action": "normal"},
    "moved": {"action": "new_mtaid", "new_mtaid": "vmta3"},
    "config": {"action": "new_config", "new_mtaid": "vmta2", "new_sender": "v@verp.test"},
    "null": {"action": "new_config", "new_sender": ""},
    "asif": {"action": "normal", "deliver_as_if_to_domain": "other.test"},
    "pause": {"action": "pause", "message": "held by the policy"},
    "dump": {"action": "dump", "message": "refused by the policy"},
    "lost": {"action": "new_mtaid", "new_mtaid": "nosuch"},
}

def pre_delivery_attempt(attempt):
    kind = attempt["recipient"].split("-")[0]
    if kind == "broken":
        raise RuntimeError("as the test wants it")
    return DECISIONS[kind]
"""
# What the sink must see of each kind that is delivered: peer, HELO, sender, host.
ON_THE_WIRE = {
    "normal": ("127.0.0.2", "main.test", "<s@sender.test>", "127.0.0.11"),
    "named": ("127.0.0.3", "vmta2.test", "<s@sender.test>", "127.0.0.11"),
    "moved": ("127.0.0.4", "vmta3.test", "<s@sender.test>", "127.0.0.11"),
    "config": ("127.0.0.3", "vmta2.test", "<v@verp.test>", "127.0.0.11"),
    "null": ("127.0.0.2", "main.test", "<>", "127.0.0.11"),
    "asif": ("127.0.0.2", "main.test", "<s@sender.test>", "127.0.0.12"),
}
STATUS = {"pause": "held by the policy", "lost": MESSAGE, "broken": MESSAGE}
KINDS = [*ON_THE_WIRE, *STATUS, "dump"]
COUNT = 500


def message(number: int) -> Message:
    kind = KINDS[number % len(KINDS)]
    headers = ("X-VirtualMTA: vmta2",) if kind == "named" else ()
    return Message("s@sender.test", (f"{kind}-{number}@remote.test",), headers)


def kind_of(address: str) -> str:
    return address.strip("<>").split("-")[0]


def in_order(exim, sink, recipient_of: dict[str, str]) -> dict[str, int]:
    """Say where every message is, and that it is in exactly one place, and rightly there."""
    sent = Counter(address.strip("<>") for seen in sink.seen() for address in seen["rcpt"])
    assert not [recipient for recipient, times in sent.items() if times > 1]
    for seen in sink.seen():
        wire = (seen["peer"], seen["helo"], seen["mail"], seen["host"])
        assert wire == ON_THE_WIRE[kind_of(seen["rcpt"][0])], seen

    queue = exim.queue()
    queued = {recipient_of[msguid] for msguid in queue if msguid in recipient_of}
    bounced = {recipient_of[line.split()[2]] for line in exim.log() if " ** " in line}
    assert {kind_of(recipient) for recipient in bounced} <= {"dump"}
    places = [set(sent), queued, bounced]
    assert set.union(*places) == set(recipient_of.values())
    assert sum(map(len, places)) == len(recipient_of)
    return {"delivered": len(sent), "queued": len(queued), "bounced": len(bounced)}


@pytest.mark.timeout(110)
def test_500_messages_and_a_killed_daemon_and_none_lost_or_delivered_against_the_policy(
    exim, sink, make_daemon
):
    daemon = make_daemon()
    daemon.start_with(HOOK)
    messages = [message(number) for number in range(COUNT)]
    msguids = exim.queue_messages(messages)
    recipient_of = dict(zip(msguids, (one.recipients[0] for one in messages), strict=True))

    runs = [exim.start_queue_run() for _ in range(3)]
    sink.wait_for(COUNT // 10)
    daemon.kill()
    eventually(lambda: any("no answer from" in line for line in exim.log()))
    daemon.start()
    for run in runs:
        assert run.communicate(timeout=60)[1] == b""

    middle = in_order(exim, sink, recipient_of)
    assert middle["delivered"] >= COUNT // 10
    assert middle["queued"] > COUNT // len(KINDS) * len(STATUS)

    exim.run_queue()
    assert in_order(exim, sink, recipient_of) == {
        "delivered": COUNT // len(KINDS) * len(ON_THE_WIRE),
        "queued": COUNT // len(KINDS) * len(STATUS),
        "bounced": COUNT // len(KINDS),
    }

    # The bounces were queued by the run that made them; the next one delivers them.
    exim.run_queue()
    bounces = exim.bounces()
    assert len(bounces) == COUNT // len(KINDS)
    assert {kind_of(recipient) for recipient in bounces} == {"dump"}
    assert all(b"refused by the policy" in bounce for bounce in bounces.values())

    reasons = dict(deferred(line) for line in exim.log() if " == " in line)
    for msguid in exim.queue():
        recipient = recipient_of[msguid]
        assert reasons[recipient] == STATUS[kind_of(recipient)]
