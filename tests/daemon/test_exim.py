"""The exim protocol (CONTRACT 8): lines name=BASE64 in, one line of name="value" out."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest

from ..helpers.attempts import MESSAGE, attempt
from ..helpers.obedient_hook import said, saying
from ..helpers.requests import LIMIT, extracted, field, fields

REFUSED = f'action="pause" message="{MESSAGE}" error="1" end="1"\n'.encode()


@pytest.fixture
def ask(daemon):
    """Send bytes, half-close, and give back the one line of the answer."""

    def send(data: bytes) -> bytes:
        answer = daemon.exchange(data, daemon.exim)
        assert answer.endswith(b"\n")
        assert answer.count(b"\n") == 1
        return answer

    return send


def reply(**decision) -> bytes:
    return fields(reply=json.dumps(decision))


@pytest.mark.parametrize(
    ("decision", "answer"),
    [
        ({"action": "normal"}, b'action="normal" end="1"\n'),
        (
            {"action": "normal", "deliver_as_if_to_domain": "other.test"},
            b'action="normal" deliver_as_if_to_domain="other.test" end="1"\n',
        ),
        ({"action": "pause", "message": "wait"}, b'action="pause" message="wait" end="1"\n'),
        ({"action": "dump"}, b'action="dump" end="1"\n'),
        ({"action": "new_mtaid", "new_mtaid": "7"}, b'action="new_mtaid" new_mtaid="7" end="1"\n'),
        (
            {"action": "new_config", "new_sender": ""},
            b'action="new_config" new_sender="" end="1"\n',
        ),
    ],
)
def test_a_decision_is_one_line_of_quoted_pairs_with_end_last(ask, decision, answer):
    assert ask(reply(**decision)) == answer


def test_a_decision_has_only_the_keys_that_it_carries(ask):
    answer = ask(reply(action="new_config", new_mtaid="7", new_sender="x@y.test"))
    assert extracted(answer) == {
        "action": "new_config",
        "new_mtaid": "7",
        "new_sender": "x@y.test",
        "end": "1",
    }


def test_an_empty_line_ends_the_request_and_the_daemon_closes(daemon):
    with daemon.connect(daemon.exim) as client:
        client.send(fields() + b"\n")
        assert client.rest() == b'action="normal" end="1"\n'


@pytest.mark.parametrize("cut", [0, 1], ids=["after a newline", "in the last line"])
def test_the_end_of_the_connection_ends_the_request(ask, cut):
    request = fields()
    assert ask(request[: len(request) - cut]) == b'action="normal" end="1"\n'


def test_lines_may_end_in_crlf(ask):
    assert ask(fields(b"\r\n")) == b'action="normal" end="1"\n'


def test_an_empty_line_of_crlf_ends_the_request_as_well(daemon):
    with daemon.connect(daemon.exim) as client:
        client.send(fields(b"\r\n") + b"\r\n")
        assert client.rest() == b'action="normal" end="1"\n'


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_request_byte_by_byte_is_put_together(daemon, end):
    with daemon.connect(daemon.exim) as client:
        for byte in fields(end) + end:
            client.send(bytes([byte]))
        assert client.rest() == b'action="normal" end="1"\n'


@pytest.mark.parametrize("request_bytes", [b"\n", b"\r\n", b"\n\n", b"\r\n\r\n"])
def test_an_empty_request_is_a_temp_fail(ask, request_bytes):
    assert ask(request_bytes) == REFUSED


@pytest.mark.parametrize("protocol", ["jsonl", "exim", "explain"])
def test_a_client_that_only_checks_the_port_is_no_attempt_and_no_error(daemon, protocol):
    def status():
        return json.loads(daemon.exchange(b'{"hookframe": "status"}\n'))

    before, lines = status(), daemon.output
    for _ in range(3):
        with daemon.connect(getattr(daemon, protocol)):
            pass
        with daemon.connect(getattr(daemon, protocol)) as client:
            client.half_close()
            assert client.rest() == b""
    after = status()
    assert after["attempts"] == before["attempts"]
    assert after["temporary_failures"] == before["temporary_failures"]
    assert daemon.output == lines


@pytest.mark.parametrize("request_bytes", [b"\n", b"\r\n"])
def test_an_empty_line_alone_is_a_whole_request(daemon, request_bytes):
    with daemon.connect(daemon.exim) as client:
        client.send(request_bytes)
        assert client.rest() == REFUSED


@pytest.mark.parametrize(
    ("bad", "named"),
    [
        (field("recipient", "a@b.test"), "recipient is in the request twice"),
        (field("size", "1") + field("size", "1"), "size is in the request twice"),
        (b"size=%%%\n", "size is not base64"),
        (b"size=YQ\n", "size is not base64"),
        (b"size=YQ=\n", "size is not base64"),
        (b"size=Y\xff==\n", "size is not base64"),
        (b"size=YQ==YQ==\n", "size is not base64"),
        (b"size\n", "line 10"),
        (b"=YQ==\n", "line 10"),
        (b"a b=YQ==\n", "line 10"),
        (b"\x00\xff=YQ==\n", "line 10"),
        (b"GET / HTTP/1.1\r\n", "line 10"),
        (b"EHLO mail.test\r\n", "line 10"),
    ],
)
def test_a_line_that_cannot_be_read_is_a_temp_fail_that_the_log_explains(
    daemon, ask, paced, bad, named
):
    before = daemon.output.count(named)
    assert ask(fields() + bad) == REFUSED
    daemon.wait_for(named, before + 1)


@pytest.mark.parametrize("missing", sorted(attempt()))
def test_a_request_that_lacks_a_key_is_a_temp_fail_with_a_line_that_names_it(
    daemon, ask, paced, missing
):
    before = daemon.output.count(f"{missing} is missing")
    kept = [
        each
        for each in fields().splitlines(keepends=True)
        if not each.startswith(missing.encode() + b"=")
    ]
    assert ask(b"".join(kept)) == REFUSED
    daemon.wait_for(f"{missing} is missing", before + 1)


@pytest.mark.parametrize("injtime", ["", "soon", "1.5", "-", "0x10", "\u0661", " 1", "9" * 5000])
def test_a_time_that_is_no_decimal_number_is_a_temp_fail(ask, injtime):
    assert ask(fields(injtime=injtime)) == REFUSED


@pytest.mark.parametrize("flag", ["", "yes", "2", "01", "tru"])
def test_a_flag_that_is_none_is_a_temp_fail(ask, flag):
    request = fields().replace(field("mtaid_exists", "1"), field("mtaid_exists", flag))
    assert ask(request) == REFUSED


@pytest.mark.parametrize("flag", ["1", "0", "true", "false"])
def test_a_flag_is_a_digit_or_a_word(ask, flag):
    request = fields().replace(field("mtaid_exists", "1"), field("mtaid_exists", flag))
    assert ask(request) == b'action="normal" end="1"\n'


def test_further_keys_reach_the_hook_as_strings(ask):
    answer = ask(fields(show="header_list_id", header_list_id="news.sender.test", size="1"))
    assert extracted(answer)["message"] == b"news.sender.test".hex()


@pytest.mark.parametrize("raw", [b"\xff\xfe", b"Jos\xe9@x", b"a\nb\r\n\0c", b"", "é".encode()])
def test_every_byte_of_a_value_reaches_the_hook_unharmed(ask, raw):
    assert extracted(ask(fields(raw=raw, show="raw")))["message"] == raw.hex()


@pytest.mark.parametrize(
    ("message", "written"),
    [
        ('say "no"', r"say \"no\""),
        ("back\\slash", r"back\\slash"),
        ("\\n is no newline", r"\\n is no newline"),
        ('\\"', r"\\\""),
        ('" end="1', r"\" end=\"1"),
        ("a='b' ${run{x}}", "a='b' ${run{x}}"),
        ("schön €", "schön €"),
        ("ends in \\", "ends in \\\\"),
    ],
)
def test_quotes_and_backslashes_of_a_value_are_escaped(ask, message, written):
    answer = ask(reply(action="dump", message=message))
    assert answer == f'action="dump" message="{written}" end="1"\n'.encode()
    assert extracted(answer)["message"] == message


@pytest.mark.parametrize("decision", ["[]", '{"action":"nonsense"}', '{"action":"dump","to":"x"}'])
def test_a_temp_fail_after_an_error_of_the_hook_says_error(ask, decision):
    assert ask(fields(reply=decision)) == REFUSED


def test_a_pause_of_the_hook_says_no_error(ask):
    assert "error" not in extracted(ask(reply(action="pause", message=MESSAGE)))


def test_a_request_of_64_kib_is_answered(daemon, ask):
    bare = len(fields(padding=b""))
    request = fields(padding=b"x" * ((LIMIT - bare) // 4 * 3))
    filler = LIMIT - len(request)
    assert 0 <= filler < 4
    request = request[:-1] + b" " * filler + b"\n"
    assert len(request) == LIMIT
    assert ask(request) == b'action="normal" end="1"\n'
    with daemon.connect(daemon.exim) as client:
        client.send(request[:-1] + b"\n\n")
        assert client.rest() == b'action="normal" end="1"\n'


@pytest.mark.parametrize("end", [b"", b"\n\n"], ids=["without end", "with an empty line"])
def test_a_request_above_64_kib_gets_one_temp_fail(ask, end):
    assert ask(fields(padding="x" * LIMIT) + end) == REFUSED


@pytest.mark.parametrize("more", [100, 200_000])
def test_what_follows_the_empty_line_gets_no_second_answer(daemon, more):
    with daemon.connect(daemon.exim) as client:
        with suppress(ConnectionError):  # the daemon may have answered, and closed, by then
            client.send(fields() + b"\n" + b"x" * more)
        assert client.rest() == b'action="normal" end="1"\n'


def test_a_jsonl_request_on_the_exim_socket_is_a_temp_fail(ask):
    assert ask(json.dumps(saying("wrong door")).encode() + b"\n") == REFUSED


def test_an_exim_request_on_the_jsonl_socket_is_a_temp_fail_for_each_line(daemon):
    answers = daemon.exchange(fields()).splitlines()
    assert len(answers) == 9
    assert {json.loads(each)["message"] for each in answers} == {MESSAGE}
    assert daemon.ask(saying("unharmed")) == said("unharmed")
