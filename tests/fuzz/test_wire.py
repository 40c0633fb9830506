"""Bytes on the wire: every request is answered once, by the policy or by the temp-fail."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from .amount import examples
from .mutation import ended, mutated, rearranged, streams
from .seeds import EXIM, EXIM_WORDS, JSON_WORDS, REQUESTS

requests = streams(st.sampled_from(REQUESTS), mutated(REQUESTS, JSON_WORDS), st.binary(max_size=60))
exim_requests = st.one_of(
    mutated(EXIM, EXIM_WORDS),
    rearranged(EXIM, EXIM_WORDS),
    ended(EXIM, [b"", b"\r", b"\r\n", b"\r\r\n", b"\n\r\n", b"\n\r\r\n", b" \n", b"\x0b", b"\x85"]),
    st.binary(),
)


@given(requests)
@examples(250)
def test_each_jsonl_request_gets_one_decision_that_another_reader_of_json_expects(bench, data):
    bench.jsonl(data)


@given(requests)
@examples(120)
def test_each_explain_request_gets_the_decision_that_jsonl_gives(bench, data):
    bench.explain(data)


@given(exim_requests)
@examples(250)
def test_exim_gets_one_whole_answer_whatever_it_sends_and_however_that_is_cut(bench, data):
    bench.exim(data)
