"""CONTRACT 1: one data model, mappings in, mappings out."""

from __future__ import annotations

import contextlib
import json
from types import MappingProxyType
from typing import get_type_hints

import pytest
from jsonschema import Draft202012Validator

from hookframe import Attempt, Decision, Host
from hookframe.api.attempt import parse_attempt
from hookframe.api.errors import InvalidAttempt
from hookframe.api.schema import build_attempt_schema, build_decision_schema
from hookframe.config.model import Config

from ..helpers.attempts import ATTEMPT, NORMAL, TEMPFAIL, attempt
from ..helpers.site import hook, policy

NINE = {
    "mtaid": str,
    "sendid": str,
    "listid": str,
    "msguid": str,
    "injtime": int,
    "sender": str,
    "recipient": str,
    "is_first_attempt": bool,
    "mtaid_exists": bool,
}
KEEP = "state.update(attempt=attempt, decision=decision)\nreturn None"


@pytest.fixture
def seen(site):
    """Ask a hook about an attempt, and return what it was given."""
    host = site.file_host(hook(KEEP))

    def seen(attempt):
        assert host.decide(attempt) == NORMAL
        return host.generation.state["attempt"]

    return seen


@pytest.fixture
def returns(site):
    """Let a hook file return the value of an expression, and give the decision."""

    def returns(expression):
        site.close()
        return site.file_host(hook(f"return {expression}")).decide(ATTEMPT)

    return returns


# 1.1 The attempt


def test_the_attempt_is_typed_with_exactly_the_nine_keys():
    assert get_type_hints(Attempt) == NINE


def test_a_hook_gets_all_nine_keys_with_their_types(seen):
    given = seen(ATTEMPT)
    assert dict(given) == ATTEMPT
    assert {key: type(value) for key, value in given.items()} == NINE


@pytest.mark.parametrize("key", NINE)
def test_an_attempt_that_lacks_a_key_temp_fails_and_the_log_names_the_key(key, site, log):
    host = site.file_host(hook("return {'action': 'dump'}"))
    lacking = {name: value for name, value in ATTEMPT.items() if name != key}
    assert host.decide(lacking) == TEMPFAIL
    [line] = log.attempts
    assert key in line.split(", error: ", 1)[1]


@pytest.mark.parametrize("key", ["is_first_attempt", "mtaid_exists"])
@pytest.mark.parametrize(("given", "meant"), [(True, True), (False, False), (1, True), (0, False)])
def test_booleans_are_true_and_false_or_1_and_0(key, given, meant, seen):
    assert seen(attempt(**{key: given}))[key] is meant


WRONG = [
    *[(key, w) for key, kind in NINE.items() if kind is str for w in (1, None, b"x", ["x"])],
    *[("injtime", wrong) for wrong in ("1483391740", None, True, 1.5, float("nan"))],
    *[(key, w) for key in ("is_first_attempt", "mtaid_exists") for w in (2, "1", "true", None, -1)],
]


@pytest.mark.parametrize(("key", "wrong"), WRONG)
def test_a_value_of_another_type_temp_fails_with_a_line_that_names_the_key(key, wrong, site, log):
    host = site.file_host(hook("return {'action': 'dump'}"))
    assert host.decide(attempt(**{key: wrong})) == TEMPFAIL
    [line] = log.attempts
    assert f" {key} " in line


@pytest.mark.parametrize("given", [None, [], "attempt", 5, b"{}"])
def test_what_is_no_mapping_is_no_attempt(given, site, log):
    assert site.file_host(hook("return None")).decide(given) == TEMPFAIL
    assert len(log.attempts) == 1


def test_the_sender_of_a_bounce_is_empty(seen):
    assert seen(attempt(sender=""))["sender"] == ""


def test_more_keys_reach_the_hook_untouched(seen):
    more = {"size": 4711, "header_list_id": "<r.example>", "tags": ["a", {"b": [1.5, None, True]}]}
    given = seen(attempt(**more))
    assert {key: given[key] for key in more} == more
    assert set(given) == {*NINE, *more}


@pytest.mark.parametrize(
    "change",
    [
        "attempt['sender'] = ''",
        "del attempt['sender']",
        "attempt.clear()",
        "attempt.update(sender='')",
        "attempt['tags'].append('x')",
        "attempt['tags'][0] = 'x'",
        "attempt['tags'] += ['x']",
        "attempt['tags'].sort()",
        "del attempt['tags'][0]",
        "attempt['headers']['list-id'] = ''",
        "attempt['headers']['received'].append('')",
        "attempt['tags'][1]['deep'] = ''",
    ],
)
def test_a_hook_can_not_change_the_attempt_nor_what_is_nested_in_it(change, site, log):
    nested = {"tags": ["a", {"deep": "b"}], "headers": {"list-id": "<r>", "received": []}}
    given = attempt(**nested)
    before = json.dumps(given)
    assert site.file_host(hook(change)).decide(given) == TEMPFAIL
    assert "Exception running pre_delivery_attempt_hook" in log.attempts[0]
    assert json.dumps(given) == before


def test_a_later_change_by_the_caller_does_not_reach_what_a_hook_has_kept(seen):
    given = attempt(tags=["a"])
    kept = seen(given)
    given["sender"] = "other@sender.example"
    given["tags"].append("b")
    assert kept["sender"] == ATTEMPT["sender"]
    assert kept["tags"] == ["a"]


def test_a_hook_can_not_change_the_accumulated_decision(site, log):
    host = site.file_host(hook("decision['action'] = 'dump'"))
    assert host.decide(ATTEMPT) == TEMPFAIL
    assert site.start().decide(ATTEMPT) == TEMPFAIL


TAKER = '''
import contextlib, copy, pickle

class Taker:
    """Changes whatever an operator hands to it."""

    def take(self, other):
        for key in ("action", "recipient", "deep"):
            with contextlib.suppress(TypeError, AttributeError):
                other[key] = "taken"
            with contextlib.suppress(TypeError, AttributeError):
                other.update({key: "taken"})
        with contextlib.suppress(TypeError, AttributeError):
            other.clear()
        return False

    __or__ = __ror__ = __eq__ = __ne__ = __lt__ = __gt__ = __le__ = __ge__ = take
    __add__ = __radd__ = __sub__ = __rsub__ = __and__ = __rand__ = __xor__ = __rxor__ = take
    __hash__ = object.__hash__

taker = Taker()
'''
TAKING = (
    *(f"value {operator} taker" for operator in ("|", "==", "!=", "<", "<=", ">", ">=", "+")),
    *(f"taker {operator} value" for operator in ("|", "==", "<", "+")),
    *("taker in value", "taker in value.values()", "taker in value.items()", "value.get(taker)"),
    *("value.items() == taker", "value.keys() | [taker]", "value.items().mapping"),
    *("value.copy()", "copy.copy(value)", "copy.deepcopy(value)", "dict(value)", "{**value}"),
    *("pickle.loads(pickle.dumps(value))", "value.__reduce__()[1][0]", "value.__reduce_ex__(4)"),
    *("iter(value).__reduce__()", "repr(value)", "f'{value}'", "value | {'action': 'taken'}"),
    *("value.__ior__({'action': 'taken'})", "value.fromkeys(value)", "list(value.values())"),
    *("value.setdefault('new', 1)", "value.popitem()", "value.pop('action', None)", "vars(value)"),
)


@pytest.mark.parametrize("first", [None, {"action": "new_mtaid", "new_mtaid": "pool"}])
@pytest.mark.parametrize("given", ["attempt", "decision", "attempt['headers']"])
def test_nothing_can_be_had_from_what_a_hook_is_given(given, first, site, fake_plugins):
    body = f"value = {given}\nbefore = list(value.items())\n" + "\n".join(
        f"with contextlib.suppress(Exception): taker.take({way})\n"
        f"assert list(value.items()) == before, {way!r}"
        for way in TAKING
    )
    plugins = {"a": {"code": f"return {first!r}"}}
    site.configure(policy(["a", "file"], plugins=plugins, hook_file="hook.py"), hook(body, TAKER))
    asked = attempt(headers={"deep": {"er": 1}}) if "headers" in given else ATTEMPT
    with Host.from_config(site.config, watch=False) as host:
        for _ in range(3):
            explained = host.explain(asked)
            assert explained.decision == host.decide(asked) == (first or NORMAL), explained.trace


def test_nothing_can_be_had_from_what_an_observer_is_given(site, fake_plugins):
    observing = "a = trace[0]; b = a['decision']\n" + "\n".join(
        f"with contextlib.suppress(Exception): taker.take({way.replace('value', value)})"
        for way in TAKING
        for value in ("attempt", "decision", "a", "b")
    )
    seen = "kept['seen'] = (dict(attempt), dict(decision), list(trace[0].items()), len(trace))"
    plugins = {
        "a": {"code": "return {'action': 'dump'}", "decided": f"{TAKER}\n{observing}"},
        "b": {"code": "state['kept'] = kept", "decided": seen},
    }
    host = site.host(policy(["a", "b"], plugins=plugins))
    for _ in range(3):
        assert host.decide(ATTEMPT) == {"action": "dump"}
        given, decision, vote, votes = host.generation.state["kept"]["seen"]
        assert given == ATTEMPT
        assert decision == {"action": "dump"}
        assert dict(vote)["plugin"] == "a"
        assert dict(vote)["decision"] == {"action": "dump"}
        assert votes == 2


def test_any_mapping_may_be_given_as_an_attempt(seen):
    assert dict(seen(MappingProxyType(ATTEMPT))) == ATTEMPT


def test_bytes_that_are_not_utf_8_survive_to_the_hook(seen):
    raw = json.dumps(ATTEMPT).encode().replace(b"jane@", b"j\xe4n\xff@")
    recipient = seen(parse_attempt(raw))["recipient"]
    assert recipient.encode("utf-8", "surrogateescape") == b"j\xe4n\xff@remote.example"


class Unshowable:
    def __repr__(self):
        raise RuntimeError("not to be shown")


@pytest.mark.parametrize("value", [10**5000, Unshowable(), [Unshowable()]], ids=type)
@pytest.mark.parametrize("key", ["msguid", "sender", "injtime"])
def test_a_value_that_can_not_even_be_shown_temp_fails(key, value, site):
    host = site.file_host(hook("return None"))
    if (key, type(value)) != ("injtime", int):
        assert host.decide(attempt(**{key: value})) == TEMPFAIL


@pytest.mark.parametrize("levels", [50, 400, 900, 100_000])
def test_an_attempt_nested_however_deeply_gets_a_decision(levels, site, log):
    host = site.file_host(hook("return None"))
    raw = json.dumps(attempt(more="HERE")).encode()
    raw = raw.replace(b'"HERE"', b"[" * levels + b"]" * levels)
    with contextlib.suppress(InvalidAttempt):
        assert host.decide(parse_attempt(raw)) in (NORMAL, TEMPFAIL)


# 1.2 The decision

VALID = [
    {"action": "normal"},
    {"action": "normal", "deliver_as_if_to_domain": "other.example"},
    {"action": "pause"},
    {"action": "pause", "message": "Not now."},
    {"action": "dump"},
    {"action": "dump", "message": "Blocked by policy. (#5.7.1)"},
    {"action": "new_mtaid", "new_mtaid": "priority"},
    {"action": "new_mtaid", "new_mtaid": "p", "deliver_as_if_to_domain": "other.example"},
    {"action": "new_config", "new_sender": "vip@sender.example"},
    {"action": "new_config", "new_sender": ""},
    {"action": "new_config", "new_mtaid": "priority", "new_sender": "vip@sender.example"},
    {"action": "pause", "message": ""},
    {"action": "dump", "message": "x" * 500},
    {"action": "dump", "message": "grüße, 漢字 and 🕊"},
    {"action": "new_mtaid", "new_mtaid": "0"},
]


@pytest.mark.parametrize("decision", VALID)
def test_every_action_with_the_keys_it_may_carry_is_valid(decision, returns):
    assert returns(repr(decision)) == decision
    assert Draft202012Validator(build_decision_schema()).is_valid(decision)


def test_a_new_config_that_changes_nothing_is_valid_and_changes_nothing(returns):
    assert returns("{'action': 'new_config'}") == NORMAL


def test_a_new_config_with_a_virtualmta_only_amounts_to_new_mtaid(returns):
    decision = returns("{'action': 'new_config', 'new_mtaid': 'p'}")
    assert decision == {"action": "new_mtaid", "new_mtaid": "p"}


@pytest.mark.parametrize("number", [17, 0, -3, 2**70])
def test_an_int_as_new_mtaid_is_an_id_and_becomes_its_decimal_string(number, returns):
    decision = returns(f"{{'action': 'new_mtaid', 'new_mtaid': {number}}}")
    assert decision == {"action": "new_mtaid", "new_mtaid": str(number)}


@pytest.mark.parametrize(
    ("returned", "meant"),
    [
        ({"action": "pause", "message": None}, {"action": "pause"}),
        ({"action": "dump", "new_sender": None}, {"action": "dump"}),
        ({"action": "normal", "no_such_key": None}, {"action": "normal"}),
        (
            {"action": "new_config", "new_mtaid": None, "new_sender": ""},
            {"action": "new_config", "new_sender": ""},
        ),
    ],
)
def test_a_key_whose_value_is_none_counts_as_absent(returned, meant, returns):
    assert returns(repr(returned)) == meant


def test_a_mapping_that_is_no_dict_is_a_decision(site):
    head = "from types import MappingProxyType"
    host = site.file_host(hook("return MappingProxyType({'action': 'dump'})", head))
    assert host.decide(ATTEMPT) == {"action": "dump"}


INVALID = {
    "a string": "'dump'",
    "a list": "['dump']",
    "a pair": "('action', 'dump')",
    "True": "True",
    "False": "False",
    "a number": "0",
    "an empty string": "''",
    "an object": "object()",
    "a set": "{'dump'}",
    "an empty mapping": "{}",
    "a missing action": "{'message': 'x'}",
    "an action of None": "{'action': None}",
    "an unknown action": "{'action': 'drop'}",
    "an action in capitals": "{'action': 'DUMP'}",
    "an action that is a list": "{'action': ['dump']}",
    "an action that is a number": "{'action': 1}",
    "an unknown key": "{'action': 'dump', 'colour': 'x'}",
    "a key that is no string": "{'action': 'dump', 5: 'x'}",
    "error from a plugin": "{'action': 'pause', 'error': True}",
    "normal with message": "{'action': 'normal', 'message': 'x'}",
    "normal with new_mtaid": "{'action': 'normal', 'new_mtaid': 'p'}",
    "normal with new_sender": "{'action': 'normal', 'new_sender': 'a@b'}",
    "pause with new_mtaid": "{'action': 'pause', 'new_mtaid': 'p'}",
    "pause with domain": "{'action': 'pause', 'deliver_as_if_to_domain': 'd'}",
    "dump with new_sender": "{'action': 'dump', 'new_sender': 'a@b'}",
    "new_mtaid with message": "{'action': 'new_mtaid', 'new_mtaid': 'p', 'message': 'x'}",
    "new_mtaid with new_sender": "{'action': 'new_mtaid', 'new_mtaid': 'p', 'new_sender': 'a@b'}",
    "new_config with domain": "{'action': 'new_config', 'deliver_as_if_to_domain': 'd'}",
    "new_config with message": "{'action': 'new_config', 'message': 'x'}",
    "new_mtaid without new_mtaid": "{'action': 'new_mtaid'}",
    "new_mtaid of None": "{'action': 'new_mtaid', 'new_mtaid': None}",
    "an empty new_mtaid": "{'action': 'new_mtaid', 'new_mtaid': ''}",
    "an empty new_mtaid in new_config": "{'action': 'new_config', 'new_mtaid': ''}",
    "new_mtaid of True": "{'action': 'new_mtaid', 'new_mtaid': True}",
    "new_mtaid of a float": "{'action': 'new_mtaid', 'new_mtaid': 1.0}",
    "a message of bytes": "{'action': 'dump', 'message': b'x'}",
    "a message that is a number": "{'action': 'dump', 'message': 571}",
    "a sender that is a number": "{'action': 'new_config', 'new_sender': 0}",
    "a domain that is False": "{'action': 'normal', 'deliver_as_if_to_domain': False}",
    "an empty domain": "{'action': 'normal', 'deliver_as_if_to_domain': ''}",
    "a message too long": "{'action': 'dump', 'message': 'x' * 501}",
    "a message with CR": r"{'action': 'dump', 'message': 'a\rb'}",
    "a message with LF": r"{'action': 'dump', 'message': 'a\n'}",
    "a message with NUL": r"{'action': 'pause', 'message': '\0'}",
    "a message with a tab": r"{'action': 'pause', 'message': 'a\tb'}",
    "a message with ESC": r"{'action': 'pause', 'message': '\x1b[31m'}",
    "a message with DEL": r"{'action': 'pause', 'message': '\x7f'}",
    "a message with a C1 control": r"{'action': 'pause', 'message': '\x85'}",
    "a domain with a space": "{'action': 'normal', 'deliver_as_if_to_domain': 'a b'}",
    "a domain with a newline": r"{'action': 'normal', 'deliver_as_if_to_domain': 'a.b\n'}",
    "a domain with NBSP": r"{'action': 'normal', 'deliver_as_if_to_domain': 'a\xa0b'}",
    "a domain with a line separator": r"{'action': 'normal', 'deliver_as_if_to_domain': '\u2028'}",
    "a sender with a space": "{'action': 'new_config', 'new_sender': 'a b@c'}",
    "a sender that is a space": "{'action': 'new_config', 'new_sender': ' '}",
    "a sender with CRLF": r"{'action': 'new_config', 'new_sender': 'a@b\r\nRCPT TO:<c@d>'}",
    "a sender with NUL": r"{'action': 'new_config', 'new_sender': 'a\0@b'}",
    "a message not UTF-8": r"{'action': 'dump', 'message': '\udce4'}",
    "a new_mtaid not UTF-8": r"{'action': 'new_mtaid', 'new_mtaid': 'p\ud800'}",
    "a sender not UTF-8": r"{'action': 'new_config', 'new_sender': '\udcff@b'}",
    "a domain not UTF-8": r"{'action': 'normal', 'deliver_as_if_to_domain': '\udfff'}",
    "a coroutine's stand-in": "iter(())",
}


@pytest.mark.parametrize("expression", INVALID.values(), ids=INVALID)
def test_an_invalid_return_temp_fails(expression, returns, log):
    assert returns(expression) == TEMPFAIL
    [line] = log.attempts
    assert "error: Invalid return from pre_delivery_attempt_hook: " in line
    assert line.endswith(" (plugin file)")
    assert line.isprintable()


@pytest.mark.parametrize(
    ("expression", "words"),
    [
        (INVALID["an unknown key"], ["unknown key", "colour", "message"]),
        (INVALID["an unknown action"], ["unknown action", "drop", "dump"]),
        (INVALID["normal with message"], ["normal", "message"]),
        (INVALID["a message too long"], ["message", "501", "500"]),
        (INVALID["a string"], ["mapping", "str"]),
        (INVALID["new_mtaid without new_mtaid"], ["new_mtaid", "requires"]),
        ("{'action': 'dump', 'mesage': 'x'}", ["mesage", "did you mean message?"]),
    ],
)
def test_an_invalid_return_is_logged_with_what_was_seen_and_what_was_expected(
    expression, words, returns, log
):
    returns(expression)
    assert [word for word in words if word not in log.attempts[0]] == []


def test_new_sender_may_be_empty_for_the_null_sender(returns):
    decision = {"action": "new_config", "new_sender": ""}
    assert returns(repr(decision)) == decision


def test_the_decision_belongs_to_the_caller(site):
    head = "VOTE = {'action': 'dump', 'message': 'once'}"
    host = site.file_host(hook("return VOTE", head))
    first = host.decide(ATTEMPT)
    assert type(first) is dict
    first.clear()
    assert host.decide(ATTEMPT) == {"action": "dump", "message": "once"}


def test_a_plain_decision_belongs_to_the_caller():
    with Host.of(Config(), watch=False) as host:
        host.decide(ATTEMPT)["action"] = "dump"
        assert host.decide(ATTEMPT) == NORMAL


def test_a_temp_fail_belongs_to_the_caller(returns, site):
    returns("5").clear()
    assert site.start().decide(ATTEMPT) == TEMPFAIL


def test_what_a_hook_does_later_with_its_return_value_changes_no_decision(site):
    head = "VOTE = {'action': 'dump', 'message': 'once'}"
    host = site.file_host(hook("VOTE['message'] += '!'\nreturn VOTE", head))
    decision = host.decide(ATTEMPT)
    host.decide(ATTEMPT)
    assert decision == {"action": "dump", "message": "once!"}


# The published schema


def test_the_schemas_are_json_schema():
    for schema in (build_attempt_schema(), build_decision_schema()):
        Draft202012Validator.check_schema(schema)
        assert json.loads(json.dumps(schema)) == schema


def test_the_attempt_schema_requires_all_nine_keys_and_allows_more():
    schema = Draft202012Validator(build_attempt_schema())
    assert schema.is_valid(ATTEMPT)
    assert schema.is_valid(attempt(size=5, is_first_attempt=1))
    for key in NINE:
        assert not schema.is_valid({k: value for k, value in ATTEMPT.items() if k != key})


NOT_JSON = {"new_mtaid of a float", "a key that is no string"}
"""In JSON 1.0 is the integer 1, and every key is a string."""


@pytest.mark.parametrize(
    "name", [name for name in INVALID if name not in NOT_JSON and "UTF-8" not in name]
)
def test_what_is_invalid_as_a_return_is_invalid_by_the_published_schema(name):
    returned = eval(INVALID[name])  # the expressions above
    assert not Draft202012Validator(build_decision_schema()).is_valid(returned)


def test_the_types_of_the_decision_declare_the_five_actions():
    actions = {get_type_hints(kind)["action"].__args__[0] for kind in Decision.__args__}
    assert actions == {"normal", "pause", "dump", "new_mtaid", "new_config"}
