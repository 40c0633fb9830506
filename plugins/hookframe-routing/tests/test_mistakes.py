"""Rules and settings that are refused, and what is said about them."""

from __future__ import annotations

import re
import tomllib

import pytest
from hookframe_routing import Routing, RoutingError

GIVES = 'new_mtaid = "a"'


def refusal(settings):
    with pytest.raises(ValueError, match=r".") as caught:
        Routing().configure(settings)
    return str(caught.value)


def refusal_of_rules(rules):
    return refusal({"rule": tomllib.loads(rules)["rule"]})


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (f'nme = "x"\n{GIVES}', "rule 1: nme: unknown key; did you mean name? Expected one of "),
        (f"name = 5\n{GIVES}", "rule 1: name: 5; expected a string that is not empty"),
        (f'name = ""\n{GIVES}', 'rule 1: name: ""; expected a string that is not empty'),
        (f'match = "x"\n{GIVES}', 'rule 1: match: "x"; expected a table of conditions'),
        (
            f'name = "eu"\nmatch.sendid = 1.5\n{GIVES}',
            "rule 1 (eu): match.sendid: 1.5; expected a string, a list of strings, or a table "
            "with glob or regex",
        ),
        (
            f'match.sendid = ["a", true]\n{GIVES}',
            "rule 1: match.sendid: true; expected a string, a list of strings, or a table with "
            "glob or regex",
        ),
        (
            f"match.sendid = []\n{GIVES}",
            "rule 1: match.sendid: an empty list matches nothing; expected at least one value",
        ),
        (
            f"match.is_first_attempt = 1\n{GIVES}",
            "rule 1: match.is_first_attempt: 1; expected true or false or a list",
        ),
        (
            f"match.injtime = true\n{GIVES}",
            "rule 1: match.injtime: true; expected a whole number or a list",
        ),
        (
            f'match.injtime = {{ glob = "1*" }}\n{GIVES}',
            "rule 1: match.injtime: a table; expected a whole number or a list: only strings "
            "have patterns",
        ),
        (
            f"match.injtime = 2026-01-01\n{GIVES}",
            "rule 1: match.injtime: a date or time; expected a whole number or a list",
        ),
        (
            f'match.sendid = {{ golb = "a*" }}\n{GIVES}',
            "rule 1: match.sendid: golb: unknown form of pattern; did you mean glob? Expected "
            "one of glob, regex",
        ),
        (
            f'match.sendid = {{ glob = "a*", regex = "a.*" }}\n{GIVES}',
            "rule 1: match.sendid: both glob and regex; expected exactly one of glob and regex",
        ),
        (
            f"match.sendid = {{}}\n{GIVES}",
            "rule 1: match.sendid: an empty table; expected exactly one of glob and regex",
        ),
        (
            f'match.sendid = {{ glob = ["a", 1] }}\n{GIVES}',
            "rule 1: match.sendid: glob: 1; expected a string or a list of strings",
        ),
        (
            f"match.sendid = {{ glob = [] }}\n{GIVES}",
            "rule 1: match.sendid: glob: an empty list matches nothing; expected at least one "
            "pattern",
        ),
        (
            f'match.sendid = {{ regex = ["a"] }}\n{GIVES}',
            "rule 1: match.sendid: regex: a list; expected a string",
        ),
        (
            f'match.recipient_domain = "joe@example.com"\n{GIVES}',
            'rule 1: match.recipient_domain: "joe@example.com"; expected a domain alone, such as '
            '"example.com"',
        ),
        (
            f'match.recipient_domain = {{ glob = "*@example.com" }}\n{GIVES}',
            'rule 1: match.recipient_domain: glob: "*@example.com" has an @; expected a pattern '
            "for the domain alone",
        ),
        ("new_mtaid = true", "rule 1: new_mtaid: true; expected the name or the number of a "),
        ('new_mtaid = ""', "rule 1: new_mtaid: is empty; expected the name or the number of a "),
        ('new_mtaid = "a\\nb"', 'rule 1: new_mtaid: "a\\nb" has control characters; expected '),
        ("new_sender = 5", "rule 1: new_sender: 5; expected an envelope address, or "),
        ('new_sender = "a b@c"', 'rule 1: new_sender: "a b@c" has white space; expected an '),
        ('deliver_as_if_to_domain = ""', "rule 1: deliver_as_if_to_domain: is empty; expected a "),
        (
            'deliver_as_if_to_domain = "a\\u00a0b"',
            'rule 1: deliver_as_if_to_domain: "a\\u00a0b" has white space; expected a domain '
            "without any",
        ),
        ("pause = 5", "rule 1: pause: 5; expected a message, or true for none"),
        ("dump = false", "rule 1: dump: false; expected a message, or true for none"),
        ('dump = "a\\tb"', 'rule 1: dump: "a\\tb" has control characters; expected a message, '),
        (
            f'dump = "{"x" * 501}"',
            "rule 1: dump: a message of 501 characters; expected at most 500",
        ),
        ("normal = false", "rule 1: normal: false; expected true"),
        (
            "",
            "rule 1: gives nothing; expected one of new_mtaid, new_sender, "
            "deliver_as_if_to_domain, pause, dump, or normal = true for an exception",
        ),
        (
            "pause = true\nnew_mtaid = 1",
            "rule 1: pause: stands beside new_mtaid; expected one or the other",
        ),
        (
            "pause = true\ndump = true",
            "rule 1: pause: stands beside dump; expected one or the other",
        ),
        (
            'normal = true\ndeliver_as_if_to_domain = "a"',
            "rule 1: normal: stands beside deliver_as_if_to_domain; expected one or the other",
        ),
        (
            'new_sender = "a@b"\ndeliver_as_if_to_domain = "a"\nnew_mtaid = 1',
            "rule 1: deliver_as_if_to_domain: stands beside new_sender; expected one or the "
            "other: no single decision carries both, so let another plugin of the chain give "
            "the second",
        ),
    ],
)
def test_a_wrong_rule_is_refused_with_what_was_seen_and_expected(rule, text):
    assert refusal_of_rules(f"[[rule]]\n{rule}").startswith(text)


def test_a_regular_expression_that_is_none_is_refused_with_what_python_says():
    with pytest.raises(re.error) as refused:
        re.compile("(a")
    assert refusal_of_rules(f"[[rule]]\nmatch.sendid = {{ regex = '(a' }}\n{GIVES}").startswith(
        f'rule 1: match.sendid: regex: "(a": {refused.value}; expected a regular expression'
    )


def test_a_string_that_is_no_utf8_is_refused():
    text = refusal({"rule": [{"new_mtaid": "a\udcff"}]})
    assert text.startswith('rule 1: new_mtaid: "a\\udcff" is not valid UTF-8 when encoded; ')


def test_a_rule_that_is_no_table_is_refused():
    text = refusal({"rule": [5, {"dump": True}]})
    assert text == "rule 1: 5; expected a table with match and what the rule gives"


def test_an_unknown_key_of_an_attempt_is_refused_with_the_way_to_allow_it():
    text = refusal_of_rules(f"[[rule]]\nmatch.size = 1\n{GIVES}")
    assert text == (
        "rule 1: match.size: unknown key of an attempt; expected one of mtaid, sendid, listid, "
        "msguid, injtime, sender, recipient, is_first_attempt, mtaid_exists, recipient_domain, "
        "sender_domain; a key that only your MTA sends must be named in the setting extra_keys"
    )


def test_a_name_can_be_given_once():
    text = refusal_of_rules(
        '[[rule]]\nname = "a"\nmatch.sendid = "x"\ndump = true\n[[rule]]\nname = "a"\npause = true'
    )
    assert text == 'rule 2 (a): name: "a" is also the name of rule 1; expected a name of its own'


def test_all_mistakes_are_reported_at_once_in_the_order_of_the_rules():
    text = refusal_of_rules(
        '[[rule]]\nname = "all"\npause = true\n'
        "[[rule]]\nmatch.sendid = 5\npause = 6\n"
        '[[rule]]\nmatch.sendid = "x"\ndump = true'
    )
    assert text == (
        "3 mistakes: "
        "(1) rule 2: match.sendid: 5; expected a string, a list of strings, or a table with glob "
        "or regex; "
        "(2) rule 2: pause: 6; expected a message, or true for none; "
        "(3) rule 3: match: rule 1 (all) matches all that this rule matches, so it is never "
        "reached; expected it above rule 1 (all), or not at all"
    )


@pytest.mark.slow
def test_thousands_of_mistakes_stay_one_readable_line():
    text = refusal({"rule": [{} for _ in range(10_000)]})
    assert text.startswith("10000 mistakes: (1) rule 1: gives nothing; ")
    assert text.endswith("; and 9900 more")
    assert "\n" not in text


def test_no_mistake_makes_a_second_line():
    forged = "a\nb"
    rule = {"name": forged, "match": {forged: forged, "sendid": {forged: 1}}, forged: 1}
    for settings in ({"rule": [rule | {"pause": forged}]}, {forged: forged, "file": forged}):
        text = refusal(settings)
        assert "mistakes: " in text
        assert "\n" not in text


RULE = [{"dump": True}]


@pytest.mark.parametrize(
    ("settings", "text"),
    [
        (
            {},
            "there are no rules; expected file = the path of a TOML file, such as "
            '"/etc/hookframe/routing.toml", or [[plugins.routing.settings.rule]] tables, in '
            "double brackets",
        ),
        (
            {"file": "/x", "rule": RULE},
            "file: stands beside rule; expected one or the other",
        ),
        (
            {"file": "routing.toml"},
            'file: "routing.toml"; expected the path of a TOML file, such as '
            '"/etc/hookframe/routing.toml"',
        ),
        (
            {"file": "/a\0b"},
            'file: "/a\\u0000b"; expected the path of a TOML file, such as '
            '"/etc/hookframe/routing.toml"',
        ),
        (
            {"file": 5},
            'file: 5; expected the path of a TOML file, such as "/etc/hookframe/routing.toml"',
        ),
        (
            {"rule": {"dump": True}},
            "rule: a table; expected [[plugins.routing.settings.rule]] tables, in double brackets",
        ),
        (
            {"rule": []},
            "rule: an empty list; expected [[plugins.routing.settings.rule]] tables, in double "
            "brackets",
        ),
        (
            {"rule": RULE, "extra_keys": "size"},
            'extra_keys: "size"; expected a list of keys that your MTA sends beyond the nine, '
            'such as ["size"]',
        ),
        (
            {"rule": RULE, "extra_keys": ["sendid"]},
            'extra_keys: "sendid" can be matched anyway; expected only further keys',
        ),
        (
            {"rule": RULE, "check_every": "1 second"},
            'check_every: "1 second"; expected a duration, such as "500ms", "1s" or "5m"',
        ),
        (
            {"rule": RULE, "check_every": 1},
            'check_every: 1; expected a duration, such as "500ms", "1s" or "5m"',
        ),
        (
            {"rule": RULE, "checkevery": "1s"},
            "checkevery: unknown setting; did you mean check_every? Expected one of file, rule, "
            "extra_keys, check_every",
        ),
    ],
)
def test_wrong_settings_are_refused_with_what_was_seen_and_expected(settings, text):
    assert refusal(settings) == text


def test_refused_settings_leave_the_earlier_ones_in_force(routing, attempt):
    plugin = routing('[[rule]]\ndump = "first"')
    with pytest.raises(RoutingError):
        plugin.configure({"rule": [{}]})
    assert plugin.pre_delivery_attempt(attempt()) == {"action": "dump", "message": "first"}


def test_without_settings_an_attempt_is_an_error_and_not_an_empty_table(attempt):
    with pytest.raises(RoutingError, match="there are no rules yet: call configure first"):
        Routing().pre_delivery_attempt(attempt())


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("*.example.com", "*.example.com"),
        (".example.com", "*.example.com"),
        ("*", "*"),
        ("news?.example.com", "news?.example.com"),
    ],
)
@pytest.mark.parametrize("key", ["sender_domain", "recipient_domain"])
def test_a_pattern_where_a_domain_stands_for_itself_is_refused_with_the_glob(key, value, hint):
    assert refusal_of_rules(f'[[rule]]\nmatch.{key} = "{value}"\n{GIVES}').endswith(
        f'match.{key}: "{value}"; expected a domain, which stands for itself alone; '
        f'for a pattern write {{ glob = "{hint}" }}'
    )


def test_a_wildcard_and_a_letter_that_is_not_ascii_in_one_label_are_refused():
    rule = '[[rule]]\nmatch.recipient_domain.glob = "mü*.example"\n' + GIVES
    assert "has a wildcard and a letter that is not ASCII in one label" in refusal_of_rules(rule)


def test_a_regular_expression_for_a_domain_is_ascii():
    rule = '[[rule]]\nmatch.recipient_domain.regex = "mü.*"\n' + GIVES
    assert "expected ASCII alone, as domains are compared as xn--... labels" in refusal_of_rules(
        rule
    )
