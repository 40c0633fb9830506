"""Reading an attempt from the wire: a value or `InvalidAttempt`, whatever the bytes."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hookframe import Host
from hookframe.attempt import parse_attempt, read_only_attempt
from hookframe.config import Config
from hookframe.errors import InvalidAttempt

from ..helpers.attempts import ATTEMPT as USUAL
from ..helpers.attempts import NORMAL, TEMPFAIL
from .strategies import ATTEMPT, JSON

LETTERS = st.sampled_from(list(b'{}[]",:\\u0dnte1.-+ \n\t\xff\xc3\xed\xa0\x80\x00'))
BYTES = st.one_of(st.binary(max_size=60), st.lists(LETTERS, max_size=30).map(bytes))


def read(line):
    try:
        return True, parse_attempt(line)
    except InvalidAttempt as error:
        return False, str(error)


@given(BYTES)
def test_any_bytes_give_a_value_or_are_refused_in_words(line):
    fine, value = read(line)
    if fine:
        json.dumps(value)
    else:
        assert value.startswith("the request is not JSON")


@given(BYTES)
def test_any_bytes_in_a_request_get_a_decision(line):
    fine, value = read(line)
    with Host.of(Config(), watch=False) as host:
        assert host.decide(value if fine else None) in (NORMAL, TEMPFAIL)


@given(JSON)
def test_what_is_json_is_read_as_it_was_meant(value):
    assert read(json.dumps(value).encode()) == (True, value)
    assert read(json.dumps(value, ensure_ascii=False).encode()) == (True, value)


@given(ATTEMPT)
def test_an_attempt_on_the_wire_is_the_attempt(attempt):
    assert dict(read_only_attempt(parse_attempt(json.dumps(attempt).encode()))) == attempt


PLAIN = st.binary(max_size=20).map(
    lambda data: bytes(each for each in data if each >= 0x20 and each not in b'"\\')
)


@given(PLAIN, PLAIN)
def test_every_byte_of_an_address_survives(recipient, sender):
    line = json.dumps({**USUAL, "recipient": "RECIPIENT", "sender": "SENDER"}).encode()
    line = line.replace(b"RECIPIENT", recipient).replace(b"SENDER", sender)
    attempt = parse_attempt(line)
    assert attempt["recipient"].encode("utf-8", "surrogateescape") == recipient
    assert attempt["sender"].encode("utf-8", "surrogateescape") == sender


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"01", b"1.", b"+1"])
def test_what_only_python_takes_for_a_number_is_no_json(number):
    assert read(b'{"injtime": ' + number + b"}")[0] is False
    assert read(b'{"sender": "\xff", "injtime": ' + number + b"}")[0] is False
