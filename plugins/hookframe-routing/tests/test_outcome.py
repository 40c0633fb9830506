"""What a rule gives."""

from __future__ import annotations

import tomllib

import pytest
from hookframe_routing import Routing


@pytest.mark.parametrize(
    ("gives", "decision"),
    [
        ('new_mtaid = "pool"', {"action": "new_mtaid", "new_mtaid": "pool"}),
        ("new_mtaid = 12", {"action": "new_mtaid", "new_mtaid": "12"}),
        ('new_mtaid = "two words"', {"action": "new_mtaid", "new_mtaid": "two words"}),
        (
            'new_mtaid = "pool"\ndeliver_as_if_to_domain = "a.example"',
            {"action": "new_mtaid", "new_mtaid": "pool", "deliver_as_if_to_domain": "a.example"},
        ),
        (
            'deliver_as_if_to_domain = "a.example"',
            {"action": "normal", "deliver_as_if_to_domain": "a.example"},
        ),
        ('new_sender = "a@b.example"', {"action": "new_config", "new_sender": "a@b.example"}),
        ('new_sender = ""', {"action": "new_config", "new_sender": ""}),
        (
            'new_sender = "a@b.example"\nnew_mtaid = 3',
            {"action": "new_config", "new_sender": "a@b.example", "new_mtaid": "3"},
        ),
        ('pause = "later"', {"action": "pause", "message": "later"}),
        ("pause = true", {"action": "pause"}),
        ('dump = "never"', {"action": "dump", "message": "never"}),
        ("dump = true", {"action": "dump"}),
        ("normal = true", None),
    ],
)
def test_each_outcome_is_its_decision(routing, attempt, gives, decision):
    assert routing(f"[[rule]]\n{gives}").pre_delivery_attempt(attempt()) == decision


def test_a_message_may_have_500_characters(routing, attempt):
    decision = routing(f'[[rule]]\npause = "{"x" * 500}"').pre_delivery_attempt(attempt())
    assert len(decision["message"]) == 500


def test_an_exception_stops_the_search(routing, attempt):
    plugin = routing("""
        [[rule]]
        match.recipient = "joe@example.com"
        normal = true
        [[rule]]
        match.recipient_domain = "example.com"
        dump = true
    """)
    assert plugin.pre_delivery_attempt(attempt(recipient="joe@example.com")) is None
    assert plugin.pre_delivery_attempt(attempt(recipient="ann@example.com")) == {"action": "dump"}


def test_a_caller_that_changes_a_decision_changes_no_rule(routing, attempt):
    plugin = routing('[[rule]]\nnew_mtaid = "pool"')
    plugin.pre_delivery_attempt(attempt())["new_mtaid"] = "other"
    assert plugin.pre_delivery_attempt(attempt())["new_mtaid"] == "pool"


def test_where_no_rule_matches_the_attempt_is_left_alone(routing, attempt):
    assert (
        routing('[[rule]]\nmatch.sendid = "x"\ndump = true').pre_delivery_attempt(attempt()) is None
    )


def test_the_rule_is_the_reason(attempt):
    plugin = Routing()
    rules = '[[rule]]\nname = "gmail-pool"\nmatch.sendid = "x"\ndump = true\n[[rule]]\ndump = true'
    plugin.configure({"rule": tomllib.loads(rules)["rule"]})
    assert plugin.pre_delivery_attempt(attempt(sendid="x"))["reason"] == "rule 1 (gmail-pool)"
    assert plugin.pre_delivery_attempt(attempt())["reason"] == "rule 2"
