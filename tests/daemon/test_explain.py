"""The explain protocol: jsonl in, and beside each decision who made it."""

from __future__ import annotations

import json

import pytest

from ..helpers.attempts import NORMAL, TEMPFAIL, attempt
from ..helpers.obedient_hook import said, saying
from ..helpers.requests import line


def explained(daemon, value):
    return daemon.ask(value, daemon.explain)


def test_the_answer_has_the_decision_and_a_trace_of_every_plugin(daemon):
    answer = explained(daemon, saying("wait"))
    assert answer["decision"] == said("wait")
    (vote,) = answer["trace"]
    assert vote["plugin"] == "file"
    assert vote["vote"] == said("wait")
    assert vote["decision"] == said("wait")
    assert vote["changed"] is True
    assert vote["error"] is None
    assert vote["microseconds"] > 0


def test_a_plugin_that_returns_none_has_no_vote(daemon):
    answer = explained(daemon, attempt())
    assert answer["decision"] == NORMAL
    assert answer["trace"][0]["vote"] is None
    assert answer["trace"][0]["changed"] is False


def test_an_error_stands_in_the_trace(daemon):
    answer = explained(daemon, attempt(reply={"action": "nonsense"}))
    assert answer["decision"] == TEMPFAIL
    assert "nonsense" in answer["trace"][0]["error"]


def test_what_is_no_attempt_has_an_empty_trace(daemon):
    for given in (b"garbage\n", b"[]\n", b"{}\n"):
        with daemon.connect(daemon.explain) as client:
            client.send(given)
            answer = client.answer()
        assert (answer["decision"], answer["trace"]) == (TEMPFAIL, [])


def test_pipelined_requests_are_explained_in_order(daemon):
    requests = b"".join(line(saying(number)) for number in range(100))
    answers = daemon.exchange(requests, daemon.explain).splitlines()
    assert [json.loads(each)["decision"] for each in answers] == [said(n) for n in range(100)]


@pytest.mark.parametrize(
    "returned",
    [
        "object()",
        "{1, 2}",
        "b'pause'",
        "float('nan')",
        "{'action': b'pause'}",
        "{'action': 'pause', 'message': chr(0xD800)}",
        "{'action': 'pause', 1: 2}",
        "{('a',): {}}",
        "type('Odd', (str,), {'__repr__': lambda self: 1 / 0})('x')",
        "type('Odd', (dict,), {'__getitem__': lambda *_: 1 / 0, 'items': lambda s: 1 / 0})()",
        "(_ for _ in ()).throw(type('Odd', (Exception,), {'__str__': lambda self: 1 / 0}))",
        "(_ for _ in ()).throw(ValueError(chr(0xD800)))",
        "(_ for _ in ()).throw(BaseExceptionGroup('x', [KeyboardInterrupt()]))",
        "(_ for _ in ()).throw(KeyboardInterrupt)",
        "(_ for _ in ()).throw(SystemExit)",
        "(_ for _ in ()).throw(GeneratorExit)",
        "(_ for _ in ()).throw(__import__('asyncio').CancelledError)",
        "__import__('sys').exit(3)",
        "(lambda again: again(again))(lambda again: again(again))",
    ],
)
def test_whatever_a_hook_returns_or_raises_is_a_temp_fail_that_can_be_explained(daemon, returned):
    answer = explained(daemon, attempt(returns=returned))
    assert answer["decision"] == TEMPFAIL
    assert answer["trace"][0]["error"]
    assert daemon.ask(attempt(returns=returned)) == TEMPFAIL
