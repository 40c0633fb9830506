"""What is spoken on a connection: how requests are cut out of its bytes, and answered."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import msgspec

from hookframe.attempt import parse_attempt
from hookframe.daemon import exim
from hookframe.errors import InvalidAttempt

if TYPE_CHECKING:
    from hookframe.decision import Decision
    from hookframe.host import Host

LONGEST_REQUEST: Final = 64 * 1024
"""The longest request in bytes (CONTRACT 8)."""


@dataclass(frozen=True, slots=True)
class Wire:
    """One protocol.

    Args:
        cut: takes all bytes that are there and gives the whole requests, then the beginning of
            the next one; the end of the connection makes that one whole too.
        once: whether a connection carries one request only, which then may be empty.
        answer: answers a request.
        refusal: answers what can't be a request, and says why to the host.
    """

    cut: Callable[[bytes], list[bytes]]
    once: bool
    answer: Callable[[Host, bytes], bytes]
    refusal: Callable[[Host, str], bytes]


def _cut_lines(data: bytes) -> list[bytes]:
    return data.split(b"\n")


def _answer_jsonl(host: Host, request: bytes) -> bytes:
    try:
        attempt = parse_attempt(request)
    except InvalidAttempt as error:
        return _refuse_jsonl(host, str(error))
    return _json_line(host.decide(attempt))


def _refuse_jsonl(host: Host, problem: str) -> bytes:
    return _json_line(host.refuse(problem))


def _json_line(decision: Decision) -> bytes:
    return msgspec.json.encode(decision) + b"\n"


def _answer_explain(host: Host, request: bytes) -> bytes:
    try:
        attempt = parse_attempt(request)
    except InvalidAttempt as error:
        return _refuse_explain(host, str(error))
    explanation = host.explain(attempt)
    answer: dict[str, object] = {
        "decision": explanation.decision,
        "decided_by": explanation.decided_by,
        "trace": explanation.trace,
    }
    return json.dumps(answer).encode() + b"\n"


def _refuse_explain(host: Host, problem: str) -> bytes:
    answer: dict[str, object] = {"decision": host.refuse(problem), "decided_by": [], "trace": []}
    return json.dumps(answer).encode() + b"\n"


def _answer_exim(host: Host, request: bytes) -> bytes:
    try:
        attempt = exim.parse_request(request)
    except InvalidAttempt as error:
        return _refuse_exim(host, str(error))
    return exim.format_answer(host.decide(attempt))


def _refuse_exim(host: Host, problem: str) -> bytes:
    return exim.format_answer(host.refuse(problem))


WIRES: Final = {
    "jsonl": Wire(_cut_lines, False, _answer_jsonl, _refuse_jsonl),
    "explain": Wire(_cut_lines, False, _answer_explain, _refuse_explain),
    "exim": Wire(exim.cut_request, True, _answer_exim, _refuse_exim),
}
