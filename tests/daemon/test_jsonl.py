"""The jsonl protocol (CONTRACT 8): an attempt and a newline in, a decision and a newline out."""

from __future__ import annotations

import json

import pytest

from ..helpers.attempts import NORMAL, TEMPFAIL, attempt
from ..helpers.obedient_hook import said, saying
from ..helpers.requests import LIMIT, flood, line, padded


def test_one_attempt_gets_one_decision_on_one_line(daemon):
    with daemon.connect() as client:
        client.send(line(saying("wait a little")))
        assert json.loads(client.line()) == said("wait a little")


def test_an_attempt_over_tcp_is_answered_as_over_a_unix_socket(daemon):
    assert daemon.ask(saying("over tcp"), daemon.port) == said("over tcp")


def test_a_connection_serves_one_attempt_after_another(daemon):
    with daemon.connect() as client:
        for number in range(20):
            assert client.ask(saying(number)) == said(number)


def test_hundreds_of_attempts_in_one_packet_are_answered_in_order(daemon):
    with daemon.connect() as client:
        client.send(b"".join(line(saying(number)) for number in range(500)))
        assert client.answers(500) == [said(number) for number in range(500)]
        assert client.ask(saying("and one more")) == said("and one more")


def test_a_client_that_half_closes_after_hundreds_of_attempts_reads_all_answers_to_the_end(daemon):
    answers = daemon.exchange(b"".join(line(saying(number)) for number in range(500)))
    assert [json.loads(each) for each in answers.splitlines()] == [said(n) for n in range(500)]


@pytest.mark.parametrize("end", [b"\n", b""], ids=["with", "without"])
def test_a_client_may_half_close_after_one_request_with_or_without_the_last_newline(daemon, end):
    answer = daemon.exchange(line(saying("half closed"))[:-1] + end)
    assert answer.endswith(b"\n")
    assert json.loads(answer) == said("half closed")


def test_a_client_that_says_nothing_and_half_closes_gets_nothing(daemon):
    assert daemon.exchange(b"") == b""


def test_requests_that_come_byte_by_byte_are_put_together(daemon):
    with daemon.connect() as client:
        for byte in line(saying("first")) + line(saying("second")):
            client.send(bytes([byte]))
        assert client.answers(2) == [said("first"), said("second")]


def test_a_carriage_return_before_the_newline_is_white_space(daemon):
    with daemon.connect() as client:
        client.send(line(saying("from Windows"))[:-1] + b"\r\n")
        assert client.answer() == said("from Windows")


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"   ",
        b"\r",
        b"GET / HTTP/1.1",
        b"{",
        b'{"mtaid": "1"',
        b"[]",
        b"null",
        b"true",
        b'"a string"',
        b"{}",
        b"17",
        b"NaN",
        b"\x00" * 100,
        bytes(set(range(256)) - {0x0A}),
        b"\xff\xfe",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"[" * 60000,
        b'{"a":' * 10000,
        b"9" * 60000,
        line(attempt())[:-1] * 2,
    ],
    ids=lambda garbage: repr(garbage[:12]),
)
def test_what_cannot_be_read_is_a_temp_fail_and_the_connection_goes_on(daemon, garbage):
    with daemon.connect() as client:
        client.send(garbage + b"\n" + line(saying("after it")))
        assert client.answers(2) == [TEMPFAIL, said("after it")]


@pytest.mark.parametrize("depth", [100, 300, 400, 450, 490, 500, 600, 800, 900, 990, 1000, 5000])
@pytest.mark.parametrize("key", ["padding", "msguid", "recipient", "injtime", "mtaid_exists"])
@pytest.mark.parametrize(
    ("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")], ids=["lists", "objects"]
)
def test_a_value_nested_to_any_depth_is_answered(daemon, key, depth, opening, closing):
    nested = opening * depth + b"1" + closing * depth
    given = line(attempt(**{key: "HERE"})).replace(b'"HERE"', nested)
    with daemon.connect() as client:
        client.send(given + line(saying("after it")))
        first, second = client.answers(2)
    assert first in ([NORMAL, TEMPFAIL] if key == "padding" else [TEMPFAIL])
    assert second == said("after it")


@pytest.mark.parametrize(
    "value", [b"1e400", b"-1e400", b"1" * 5000, b"1.5", b"1" * 4000 + b".5", b"NaN", b"Infinity"]
)
def test_a_number_that_is_no_time_is_a_temp_fail(daemon, value):
    given = line(attempt(injtime="HERE")).replace(b'"HERE"', value)
    with daemon.connect() as client:
        client.send(given + line(saying("after it")))
        assert client.answers(2) == [TEMPFAIL, said("after it")]


@pytest.mark.parametrize("missing", sorted(attempt()))
def test_an_attempt_that_lacks_a_key_is_a_temp_fail_with_a_line_that_names_it(
    daemon, paced, missing
):
    given = attempt()
    del given[missing]
    before = daemon.output.count(f"{missing} is missing")
    assert daemon.ask(given) == TEMPFAIL
    daemon.wait_for(f"{missing} is missing", before + 1)


def test_booleans_may_be_one_and_zero(daemon):
    assert daemon.ask(attempt(is_first_attempt=0, mtaid_exists=1)) == NORMAL


def test_further_keys_reach_the_hook(daemon):
    given = attempt(show="header_list_id", header_list_id="über.list.test")
    assert daemon.ask(given)["message"] == "über.list.test".encode().hex()


@pytest.mark.parametrize(
    "raw",
    [
        b"\xff\xfe@recipient.test",
        b"Jos\xe9@recipient.test",
        b"\xed\xa0\x80@x",
        b"\xc3",
        "é@ü".encode(),
    ],
)
def test_bytes_that_are_not_utf8_reach_the_hook_unharmed_and_the_log_escaped(fresh, raw):
    daemon = fresh()  # the log of the other one is limited
    daemon.write()
    daemon.start()
    shown = line(attempt(recipient="HERE", show="recipient")).replace(b"HERE", raw)
    with daemon.connect() as client:
        client.send(shown)
        assert client.answer() == {"action": "dump", "message": raw.hex()}
        client.send(shown.replace(b'"sendid"', b'"no-sendid"'))
        assert client.answer() == TEMPFAIL
    text = raw.decode("utf-8", "surrogateescape")
    escaped = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
    daemon.wait_for(f"recipient=[{escaped}]")


def test_an_address_from_outside_cannot_forge_a_log_line(daemon):
    forged = "x]\n2030-01-01 ERROR forged\r\u2028\x1b[31m"
    assert daemon.ask(attempt(recipient=forged, sendid=None)) == TEMPFAIL
    written = daemon.wait_for("forged")
    assert "recipient=[x\\]\\x0a2030-01-01 ERROR forged\\x0d\\u2028\\x1b[31m" in written


def test_a_request_of_64_kib_is_answered_and_the_connection_stays(daemon):
    with daemon.connect() as client:
        client.send(padded(LIMIT, reply=said("as long as it gets")) + b"\n")
        assert client.answer() == said("as long as it gets")
        assert client.ask(saying("next")) == said("next")


def test_a_request_of_64_kib_is_answered_at_the_end_of_the_connection(daemon):
    answer = daemon.exchange(padded(LIMIT, reply=said("as long as it gets")))
    assert json.loads(answer) == said("as long as it gets")


@pytest.mark.parametrize("pieces", [LIMIT + 2, 1000], ids=["in one piece", "in many"])
@pytest.mark.parametrize("over", ["unix", "tcp"])
def test_a_request_one_byte_above_64_kib_gets_a_temp_fail_and_ends_the_connection(
    daemon, over, pieces
):
    request = padded(LIMIT + 1) + b"\n"
    with daemon.connect(daemon.port if over == "tcp" else None) as client:
        for at in range(0, len(request), pieces):
            client.send(request[at : at + pieces])
        assert json.loads(client.rest()) == TEMPFAIL


def test_requests_before_one_that_is_too_long_are_answered_and_those_after_it_are_not(daemon):
    before = b"".join(line(saying(number)) for number in range(100))
    answers = daemon.exchange(before + padded(LIMIT + 1) + b"\n" + line(saying("after it")))
    expected = [said(number) for number in range(100)]
    assert [json.loads(each) for each in answers.splitlines()] == [*expected, TEMPFAIL]


@pytest.mark.parametrize("over", ["unix", "tcp"])
def test_bytes_without_a_newline_for_ever_get_one_temp_fail_and_the_end(daemon, over):
    with daemon.connect(daemon.port if over == "tcp" else None) as client:
        flood(client, b"x" * 4096)
        assert json.loads(client.rest()) == TEMPFAIL
    daemon.wait_for(f"longer than {LIMIT} bytes")
    assert daemon.ask(saying("still there")) == said("still there")


def test_a_request_that_is_too_long_is_logged_with_its_size_limit(daemon):
    before = daemon.output.count("longer than 65536 bytes")
    daemon.exchange(padded(LIMIT + 1))
    daemon.wait_for("longer than 65536 bytes", before + 1)


def test_half_a_request_before_the_end_is_a_temp_fail(daemon):
    answers = daemon.exchange(line(saying("whole")) + line(saying("half"))[:40])
    assert [json.loads(each) for each in answers.splitlines()] == [said("whole"), TEMPFAIL]
