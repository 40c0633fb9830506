"""What holds on the wire for every input (hypothesis)."""

from __future__ import annotations

import json
from contextlib import suppress
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookframe.daemon.protocols.exim import format_answer, parse_request

from ..helpers.attempts import MESSAGE, NORMAL, TEMPFAIL, attempt
from ..helpers.obedient_hook import saying
from ..helpers.requests import LIMIT, extracted, field, line

pytestmark = pytest.mark.slow

any_text = st.binary(max_size=60).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
"""Text as it comes from the wire: what was not valid UTF-8 stands in it as surrogates."""
value_text = st.text(st.characters(exclude_categories=["Cc", "Cs"]), max_size=60)
quoted_text = st.text(st.sampled_from('"\\= n1endaction{}$'), max_size=40) | value_text
word = st.text(st.characters(exclude_categories=["Cc", "Cs", "Z"]), min_size=1, max_size=40)
names = st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{0,63}", fullmatch=True)
fewer = settings(max_examples=40, deadline=None)


def optional(**keys):
    return st.fixed_dictionaries({}, optional=keys)


decisions = st.one_of(
    optional(deliver_as_if_to_domain=word).map(lambda keys: {"action": "normal", **keys}),
    optional(message=quoted_text).map(lambda keys: {"action": "pause", **keys}),
    optional(message=quoted_text).map(lambda keys: {"action": "dump", **keys}),
    st.tuples(word, optional(deliver_as_if_to_domain=word)).map(
        lambda keys: {"action": "new_mtaid", "new_mtaid": keys[0], **keys[1]}
    ),
    optional(new_mtaid=word, new_sender=word | st.just(""), deliver_as_if_to_domain=word).map(
        lambda keys: {"action": "new_config", **keys}
    ),
    st.just(TEMPFAIL),
)


@given(st.dictionaries(names.filter(lambda name: name not in attempt()), any_text), any_text)
@settings(deadline=None)
def test_an_exim_request_carries_any_text_unharmed(more, text):
    values = {**attempt(recipient=text, sender=text), **more}
    written = {**values, "is_first_attempt": "1", "mtaid_exists": "true"}
    request = b"".join(field(name, value) for name, value in written.items())
    assert parse_request(request) == values


@given(decisions)
@settings(deadline=None)
def test_exim_takes_out_of_an_answer_the_decision_that_was_put_in(decision):
    answer = format_answer(decision)
    assert answer.endswith(b' end="1"\n')
    assert answer.count(b"\n") == 1
    found = extracted(answer)
    first, *_, last = found
    assert (first, last) == ("action", "end")
    expected = {key: "1" if value is True else value for key, value in decision.items()}
    assert found == {**expected, "end": "1"}


@given(decisions, st.data())
@settings(deadline=None)
def test_an_answer_that_was_cut_does_not_look_whole(decision, data):
    answer = format_answer(decision)
    cut = answer[: data.draw(st.integers(0, len(answer) - len(' end="1"\n')))]
    with suppress(UnicodeDecodeError):
        assert "end" not in extracted(cut)


requests = st.one_of(
    st.integers().map(lambda number: line(saying(number))[:-1]),
    any_text.map(lambda text: line(saying(text.encode("ascii", "replace").decode()))[:-1]),
    st.binary(max_size=80).map(lambda raw: raw.replace(b"\n", b"")),
    st.sampled_from([b"", b"{}", b"x" * (LIMIT + 1), b"x" * LIMIT]),
)


def pieces(data, stream: bytes) -> list[bytes]:
    """Cut a stream anywhere."""
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=12))
    at = [0, *sorted(cuts), len(stream)]
    return [stream[start:end] for start, end in pairwise(at)]


def answered(daemon, parts, where) -> bytes:
    """Send a stream in parts; give back all that comes."""
    with daemon.connect(where) as client:
        with suppress(BrokenPipeError, ConnectionResetError):
            for part in parts:
                client.send(part)
            client.half_close()
        return client.rest()


@given(st.data())
@fewer
def test_a_stream_of_requests_is_answered_alike_however_it_is_cut(daemon, data):
    sent = data.draw(st.lists(requests, min_size=1, max_size=8))
    stream = b"\n".join(sent)
    whole = answered(daemon, [stream], daemon.jsonl)
    assert answered(daemon, pieces(data, stream), daemon.jsonl) == whole
    long = [len(each) > LIMIT for each in sent]
    read = long.index(True) + 1 if any(long) else len(sent) - (sent[-1] == b"")
    assert whole.count(b"\n") == read


@given(st.data())
@fewer
def test_an_exim_request_is_answered_alike_however_it_is_cut(daemon, data):
    end = data.draw(st.sampled_from([b"\n", b"\r\n"]))
    reply = json.dumps({"action": "dump", "message": data.draw(quoted_text)})
    values = attempt(is_first_attempt="1", mtaid_exists="0", reply=reply)
    stream = b"".join(field(name, value, end) for name, value in values.items())
    stream = data.draw(st.sampled_from([stream, stream[:-1], stream[:40], b"%" + stream, b""]))
    stream += data.draw(st.sampled_from([b"", end]))
    whole = answered(daemon, [stream], daemon.exim)
    assert whole.endswith(b' end="1"\n') or not stream
    assert answered(daemon, pieces(data, stream), daemon.exim) == whole


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(st.dictionaries(st.sampled_from([*attempt(), "size"]), json_values))
@fewer
def test_an_attempt_with_any_values_gets_a_decision_and_harms_no_other(daemon, values):
    stream = line({**attempt(), **values}) + line(saying("after it"))
    first, second = daemon.exchange(stream).splitlines()
    assert json.loads(first) in (NORMAL, TEMPFAIL)
    assert json.loads(second)["message"] == "after it"


@given(st.binary(max_size=200).map(lambda raw: raw.replace(b"\n", b"\r")))
@fewer
def test_any_bytes_get_one_temp_fail(daemon, raw):
    (answer,) = daemon.exchange(raw + b"\n").splitlines()
    assert json.loads(answer)["message"] == MESSAGE
    assert extracted(daemon.exchange(raw or b"\n", daemon.exim))["message"] == MESSAGE
