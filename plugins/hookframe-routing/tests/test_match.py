"""Which attempts a rule matches."""

from __future__ import annotations

import pytest


def matches(routing, attempt, condition, changes, **settings):
    plugin = routing(f'[[rule]]\nmatch.{condition}\nnew_mtaid = "hit"', **settings)
    return plugin.pre_delivery_attempt(attempt(**changes)) is not None


@pytest.mark.parametrize(
    ("condition", "changes", "expected"),
    [
        ('sendid = "shop"', {"sendid": "shop"}, True),
        ('sendid = "shop"', {"sendid": "Shop"}, False),
        ('sendid = "shop"', {"sendid": "shop2"}, False),
        ('sendid = ["news", "shop"]', {"sendid": "shop"}, True),
        ('sendid = ["news", "shop"]', {"sendid": "other"}, False),
        ('sender = ""', {"sender": ""}, True),
        ("is_first_attempt = false", {"is_first_attempt": False}, True),
        ("is_first_attempt = false", {"is_first_attempt": True}, False),
        ("is_first_attempt = [true, false]", {"is_first_attempt": False}, True),
        ("injtime = 1700000000", {"injtime": 1_700_000_000}, True),
        ("injtime = [1, 2]", {"injtime": 3}, False),
    ],
)
def test_an_exact_condition_holds_for_its_values_only(
    routing, attempt, condition, changes, expected
):
    assert matches(routing, attempt, condition, changes) is expected


@pytest.mark.parametrize(
    ("condition", "recipient", "expected"),
    [
        ('recipient_domain = "example.com"', "joe@example.com", True),
        ('recipient_domain = "example.com"', "joe@EXAMPLE.com", True),
        ('recipient_domain = "Example.COM"', "joe@example.com", True),
        ('recipient_domain = "example.com"', "joe@example.com.", True),
        ('recipient_domain = "example.com."', "joe@example.com", True),
        ('recipient_domain = "example.com"', '"joe@home"@example.com', True),
        ('recipient_domain = "home"', '"joe@home"@example.com', False),
        ('recipient_domain = "example.com"', "joe@sub.example.com", False),
        ('recipient_domain = "example.com"', "example.com", False),
        ('recipient_domain = ""', "postmaster", True),
        ('recipient_domain = { glob = "*.Example.com" }', "joe@SUB.example.com", True),
        ('recipient_domain = { glob = "*.example.com" }', "joe@example.com", False),
        ("recipient_domain = { regex = 'EXAMPLE\\.com' }", "joe@example.com", True),
    ],
)
def test_a_domain_is_what_follows_the_last_at_sign_in_any_case(
    routing, attempt, condition, recipient, expected
):
    assert matches(routing, attempt, condition, {"recipient": recipient}) is expected


def test_the_senders_domain_is_empty_for_the_null_sender(routing, attempt):
    assert matches(routing, attempt, 'sender_domain = ""', {"sender": ""})
    assert not matches(routing, attempt, 'sender_domain = ""', {"sender": "a@example.com"})


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ('glob = "news-*"', "news-1", True),
        ('glob = "news-*"', "old-news-1", False),
        ('glob = "*-news"', "old-news", True),
        ('glob = "*-news"', "old-news-1", False),
        ('glob = "a*c"', "abc", True),
        ('glob = "a?c"', "abc", True),
        ('glob = "a?c"', "ac", False),
        ('glob = "[ab]*"', "bcd", True),
        ('glob = "[!ab]*"', "bcd", False),
        ('glob = "abc"', "abc", True),
        ('glob = "abc"', "ABC", False),
        ('glob = "*[.]x"', "a.x", True),
        ('glob = "*[.]x"', "a[.]x", False),
        ('glob = ["x*", "*y", "?"]', "xa", True),
        ('glob = ["x*", "*y", "?"]', "ay", True),
        ('glob = ["x*", "*y", "?"]', "a", True),
        ('glob = ["x*", "*y", "?"]', "ab", False),
        ("regex = '[0-9]+'", "123", True),
        ("regex = '[0-9]+'", "a123", False),
        ("regex = '[0-9]+'", "123\n", False),
        ("regex = 'a|ab'", "ab", True),
        ("regex = '(?i)ABC'", "abc", True),
        ("regex = 'a.*b'", "a\nb", True),
    ],
)
def test_a_pattern_must_match_from_the_first_character_to_the_last(
    routing, attempt, pattern, value, expected
):
    assert matches(routing, attempt, f"sendid = {{ {pattern} }}", {"sendid": value}) is expected


def test_bytes_that_are_not_utf8_are_matched_like_any_others(routing, attempt):
    changes = {"recipient": "jo\udcff@example.com"}
    assert matches(routing, attempt, 'recipient_domain = "example.com"', changes)
    assert matches(routing, attempt, 'recipient = { glob = "jo?@*" }', changes)


@pytest.mark.parametrize(
    ("condition", "changes", "expected"),
    [
        ("size = 1", {"size": 1}, True),
        ("size = 1", {"size": True}, False),
        ("size = 1", {"size": 1.0}, False),
        ("size = 1", {"size": "1"}, False),
        ('size = "1"', {"size": "1"}, True),
        ("size = true", {"size": True}, True),
        ("size = true", {"size": 1}, False),
        ('size = [1, "1"]', {"size": "1"}, True),
        ("size = 1", {}, False),
        ("size = [true, false]", {}, False),
        ("size = 1", {"size": None}, False),
        ("size = 1", {"size": [1]}, False),
        ("size = 1", {"size": {"a": 1}}, False),
        ('size = { glob = "*" }', {"size": "any"}, True),
        ('size = { glob = "*" }', {"size": 1}, False),
        ('size = { glob = "*" }', {}, False),
    ],
)
def test_a_further_key_matches_by_value_and_type_and_not_where_it_is_absent(
    routing, attempt, condition, changes, expected
):
    hit = matches(routing, attempt, condition, changes, extra_keys=["size"])
    assert hit is expected


def test_all_conditions_of_a_rule_must_hold(routing, attempt):
    plugin = routing(
        '[[rule]]\nmatch = { sendid = "shop", mtaid = { glob = "v*" }, listid = ["a", "b"] }\n'
        "new_mtaid = 7"
    )
    hit = attempt(sendid="shop", mtaid="v1", listid="b")
    assert plugin.pre_delivery_attempt(hit) == {"action": "new_mtaid", "new_mtaid": "7"}
    for key in ("sendid", "mtaid", "listid"):
        assert plugin.pre_delivery_attempt({**hit, key: "other"}) is None


def test_a_rule_without_conditions_matches_everything(routing, attempt):
    for rules in ("[[rule]]\ndump = true", "[[rule]]\nmatch = {}\ndump = true"):
        assert routing(rules).pre_delivery_attempt(attempt()) == {"action": "dump"}


def test_the_first_match_decides_whatever_kind_of_condition_the_rules_have(routing, attempt):
    plugin = routing("""
        [[rule]]
        match.sendid = { glob = "sh*" }
        match.mtaid = "first"
        new_mtaid = "1"
        [[rule]]
        match.recipient_domain = ["example.com", "example.net"]
        match.sendid = "shop"
        new_mtaid = "2"
        [[rule]]
        match.sendid = { regex = "shop|news" }
        new_mtaid = "3"
        [[rule]]
        match.mtaid = "last"
        new_mtaid = "4"
        [[rule]]
        new_mtaid = "5"
    """)
    decided = [
        plugin.pre_delivery_attempt(attempt(**changes))["new_mtaid"]
        for changes in (
            {"mtaid": "first"},
            {},
            {"recipient": "a@b.example"},
            {"recipient": "a@b.example", "mtaid": "last"},
            {"sendid": "x", "mtaid": "last"},
            {"sendid": "x"},
        )
    ]
    assert decided == ["1", "2", "3", "3", "4", "5"]


@pytest.mark.parametrize(
    ("condition", "recipient", "expected"),
    [
        ('recipient_domain = "müller.example"', "joe@xn--mller-kva.example", True),
        ('recipient_domain = "MÜLLER.example"', "joe@müller.example", True),
        ('recipient_domain = "xn--mller-kva.example"', "joe@Müller.example.", True),
        ('recipient_domain = "xn--mller-kva.example"', "joe@mu\u0308ller.example", True),
        ('recipient_domain = "strasse.example"', "joe@straße.example", False),
        ('recipient_domain = { glob = "*.müller.example" }', "joe@a.xn--mller-kva.example", True),
        ('recipient_domain = "müller.example"', "joe@\udcff\udcfe.example", False),
        ('recipient_domain = "müller.example"', "joe@\ud800.\x00é", False),
    ],
)
def test_a_domain_matches_in_both_its_spellings(routing, attempt, condition, recipient, expected):
    assert matches(routing, attempt, condition, {"recipient": recipient}) is expected
