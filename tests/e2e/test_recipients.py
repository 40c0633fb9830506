"""Several recipients, several messages: each has its own decision, connection and address."""

from __future__ import annotations

from .namespace import Sink


def test_each_recipient_of_a_message_gets_its_own_decision(exim, sink, policy):
    policy.decide(
        {
            "a@remote.test": {"action": "normal"},
            "b@remote.test": {"action": "new_mtaid", "new_mtaid": "vmta2"},
            "c@remote.test": {
                "action": "new_config", "new_mtaid": "vmta3", "new_sender": "c@verp.test",
            },
            "d@remote.test": {"action": "normal", "deliver_as_if_to_domain": "other.test"},
            "e@remote.test": {"action": "pause", "message": "later"},
            "f@remote.test": {"action": "dump", "message": "never"},
        }
    )  # fmt: skip
    recipients = [f"{letter}@remote.test" for letter in "abcdef"]
    msguid = exim.send(*recipients)
    wire = {
        seen["rcpt"][0]: (seen["peer"], seen["helo"], seen["mail"], seen["host"])
        for seen in sink.seen()
    }
    assert wire == {
        "<a@remote.test>": ("127.0.0.2", "main.test", "<s@sender.test>", "127.0.0.11"),
        "<b@remote.test>": ("127.0.0.3", "vmta2.test", "<s@sender.test>", "127.0.0.11"),
        "<c@remote.test>": ("127.0.0.4", "vmta3.test", "<c@verp.test>", "127.0.0.11"),
        "<d@remote.test>": ("127.0.0.2", "main.test", "<s@sender.test>", "127.0.0.12"),
    }
    assert exim.queue()[msguid] == ["e@remote.test"]
    exim.deliver_bounce_of(msguid)
    assert "f@remote.test" in exim.bounces()
    assert sorted(attempt["recipient"] for attempt in policy.asked(msguid)) == recipients


def test_recipients_with_equal_decisions_still_leave_one_by_one(exim, sink, policy):
    exim.send(*(f"many{number}@remote.test" for number in range(5)))
    transactions = [seen for number in range(5) for seen in sink.seen(f"many{number}@remote.test")]
    assert [len(seen["rcpt"]) for seen in transactions] == [1] * 5
    assert len({seen["connection"] for seen in transactions}) == 5


def test_a_queued_message_does_not_ride_on_the_connection_of_another(
    exim, policy, namespace, tmp_path
):
    recipients = [f"ride{number}@late.test" for number in (1, 2, 3)]
    policy.decide(
        {
            recipients[1]: {"action": "new_mtaid", "new_mtaid": "vmta2"},
            recipients[2]: {"action": "new_mtaid", "new_mtaid": "vmta3"},
        }
    )
    # Nobody listens yet: Exim writes down that these wait for one host, to send them together.
    msguids = [exim.send(recipient) for recipient in recipients]
    assert set(msguids) <= set(exim.queue())

    late = Sink(namespace, tmp_path, "127.0.0.13")
    try:
        for msguid in msguids:
            exim.attempt(msguid)
        seen = [late.seen(recipient)[0] for recipient in recipients]
    finally:
        late.close()
    assert [one["peer"] for one in seen] == ["127.0.0.2", "127.0.0.3", "127.0.0.4"]
    assert len({one["connection"] for one in seen}) == len(recipients)
