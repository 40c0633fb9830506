"""What is enforced agrees with the published JSON Schema (CONTRACT 1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from hookframe import Host
from hookframe.api.attempt import ATTEMPT_TYPES, read_only_attempt
from hookframe.api.decision import check_decision
from hookframe.api.errors import InvalidAttempt, InvalidDecision
from hookframe.api.schema import build_attempt_schema, build_decision_schema
from hookframe.config.model import Config

from .strategies import ATTEMPT, CARELESS, DECISION, JSON, TEXT_KEYS

DECISIONS = Draft202012Validator(build_decision_schema())
ATTEMPTS = Draft202012Validator(build_attempt_schema())


def accepted(check, value, refusal):
    try:
        check(value)
    except refusal:
        return False
    return True


def has_integral_float(value):
    """JSON has one kind of number: there 1.0 is an integer, in Python it is not an id."""
    return isinstance(value, dict) and any(isinstance(each, float) for each in value.values())


@given(CARELESS.filter(lambda value: not has_integral_float(value)))
def test_a_return_is_accepted_exactly_when_the_schema_accepts_it(returned):
    assert accepted(check_decision, returned, InvalidDecision) == DECISIONS.is_valid(returned)


@given(DECISION)
def test_what_the_contract_allows_is_accepted_as_it_is(decision):
    assert check_decision(decision) == decision
    assert DECISIONS.is_valid(decision)


@given(DECISION)
def test_a_checked_decision_is_another_dict_and_stays_valid(decision):
    checked = check_decision(decision)
    assert checked is not decision
    assert check_decision(checked) == checked


@given(CARELESS)
def test_a_refusal_is_one_printable_line(returned):
    text = ""
    try:
        check_decision(returned)
    except InvalidDecision as error:
        text = str(error)
    assert text.isprintable()
    assert len(text) < 500


SURROGATES = st.text(st.characters(categories=["Cs"]), min_size=1, max_size=2)


@given(SURROGATES, st.text(max_size=5))
def test_text_that_is_not_utf_8_when_encoded_is_refused_in_every_key(surrogates, text):
    for decision in (
        {"action": "dump", "message": text + surrogates},
        {"action": "new_mtaid", "new_mtaid": surrogates + text},
        {"action": "new_config", "new_sender": surrogates},
        {"action": "normal", "deliver_as_if_to_domain": surrogates},
    ):
        assert not accepted(check_decision, decision, InvalidDecision)


CARELESS_ATTEMPT = st.one_of(
    ATTEMPT,
    st.builds(
        lambda attempt, key, value: {**attempt, key: value},
        ATTEMPT,
        st.sampled_from([*TEXT_KEYS, "injtime", "is_first_attempt", "mtaid_exists", "size"]),
        JSON,
    ),
    st.builds(
        lambda attempt, key: {name: each for name, each in attempt.items() if name != key},
        ATTEMPT,
        st.sampled_from([*TEXT_KEYS, "injtime", "is_first_attempt", "mtaid_exists"]),
    ),
    JSON,
)


@given(CARELESS_ATTEMPT)
def test_an_attempt_is_accepted_exactly_when_the_schema_accepts_it(attempt):
    assert accepted(read_only_attempt, attempt, InvalidAttempt) == ATTEMPTS.is_valid(attempt)


class Text(str):
    """A string of another class."""


ODD_VALUES = st.one_of(JSON, st.text().map(Text), st.sampled_from([0, 1, 1.0, 2, None, "1"]))


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """A host whose hook remembers the attempt."""
    file = tmp_path_factory.mktemp("site") / "hook.py"
    file.write_text("def pre_delivery_attempt(attempt, state): state['seen'] = attempt\n")
    file.chmod(0o644)
    with Host.of(Config(hook_file=str(file)), watch=False) as opened:
        yield opened


@given(CARELESS_ATTEMPT, st.dictionaries(st.sampled_from(sorted(ATTEMPT_TYPES)), ODD_VALUES))
def test_a_hook_is_shown_the_same_attempt_whether_it_is_explained_or_not(host, attempt, odd):
    if isinstance(attempt, dict):
        attempt |= odd
    state = host.generation.state
    state.clear()
    decision, decided = host.decide(attempt), state.pop("seen", None)
    assert host.explain(attempt).decision == decision
    explained = state.pop("seen", None)
    assert decided == explained
    if decided is not None:
        assert type(decided) is type(explained)
        assert list(map(type, decided.values())) == list(map(type, explained.values()))


@given(ATTEMPT)
def test_an_accepted_attempt_has_the_declared_types_and_the_same_values(attempt):
    checked = read_only_attempt(attempt)
    assert dict(checked) == attempt
    assert type(checked["is_first_attempt"]) is type(checked["mtaid_exists"]) is bool
    assert type(checked["injtime"]) is int
