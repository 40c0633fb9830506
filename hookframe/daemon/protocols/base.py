"""What is spoken on a connection: how requests are cut out of its bytes, and answered."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Protocol

import msgspec

from hookframe.api.attempt import parse_attempt
from hookframe.api.errors import InvalidAttempt
from hookframe.daemon.protocols import exim

if TYPE_CHECKING:
    from hookframe.api.decision import Decision
    from hookframe.chain.stats import Statistics
    from hookframe.chain.trace import Explanation
    from hookframe.config.model import Config
    from hookframe.host.generation import Generation

LONGEST_REQUEST: Final = 64 * 1024
"""The longest request in bytes (CONTRACT 8)."""
STATUS_REQUEST: Final = {"hookframe": "status"}
"""What a client of the jsonl protocol sends to learn how the daemon is."""
_NORMAL: Final = {"action": "normal"}
_NORMAL_LINE: Final = b'{"action":"normal"}\n'
"""The answer to most attempts, written once."""


class Decider(Protocol):
    """What answering needs: a host, or who stands in for it."""

    @property
    def config(self) -> Config | None:
        """The configuration that holds."""
        ...

    def decide(self, attempt: Mapping[str, Any]) -> Decision:
        """Decide about an attempt."""
        ...

    def explain(self, attempt: Mapping[str, Any]) -> Explanation:
        """Decide about an attempt, with the trace."""
        ...

    def refuse(self, problem: str, given: object = None) -> Decision:
        """Temp-fail a request that is no attempt."""
        ...

    def sample_next(self) -> None:
        """Have the next attempt tell the statistics how long each plugin took."""
        ...

    @property
    def statistics(self) -> Statistics:
        """What it has counted."""
        ...

    @property
    def generation(self) -> Generation | None:
        """The generation in use; None where every attempt temp-fails."""
        ...

    @property
    def problem(self) -> str:
        """Why every attempt temp-fails, or what is wrong with a policy that is not in use."""
        ...

    @property
    def last_load_error(self) -> tuple[str, float] | None:
        """Why the policy could not be loaded, and when: UNIX seconds."""
        ...


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
    answer: Callable[[Decider, bytes], bytes]
    refusal: Callable[[Decider, str], bytes]


def _cut_lines(data: bytes) -> list[bytes]:
    return data.split(b"\n")


def _refuse_jsonl(host: Decider, problem: str) -> bytes:
    return _json_line(host.refuse(problem))


def _json_line(decision: Decision) -> bytes:
    return msgspec.json.encode(decision) + b"\n"


def _answer_explain(host: Decider, request: bytes) -> bytes:
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


def _refuse_explain(host: Decider, problem: str) -> bytes:
    answer: dict[str, object] = {"decision": host.refuse(problem), "decided_by": [], "trace": []}
    return json.dumps(answer).encode() + b"\n"


def _answer_exim(host: Decider, request: bytes) -> bytes:
    try:
        attempt = exim.parse_request(request)
    except InvalidAttempt as error:
        return _refuse_exim(host, str(error))
    return exim.format_answer(host.decide(attempt))


def _refuse_exim(host: Decider, problem: str) -> bytes:
    return exim.format_answer(host.refuse(problem))


class Wires:
    """The protocols of one process; it notes which requests were no attempts.

    Args:
        status: gives the daemon's status, as JSON on one line without its end.
    """

    def __init__(self, status: Callable[[], bytes]) -> None:
        self._status = status
        self._unnumbered = 0
        self._questions = 0

    def speaking(self, protocol: str) -> Wire:
        """Give the wire of a protocol."""
        wire = self._plain(protocol)
        return replace(wire, refusal=partial(self._refuse, wire.refusal))

    def _plain(self, protocol: str) -> Wire:
        if protocol == "exim":
            return Wire(exim.cut_request, True, _answer_exim, _refuse_exim)
        if protocol == "explain":
            return Wire(_cut_lines, False, _answer_explain, _refuse_explain)
        return Wire(_cut_lines, False, self._answer_jsonl, _refuse_jsonl)

    def attempts(self, requests: int) -> int:
        """Say how many attempts have been answered, temp-fails included.

        Args:
            requests: how many requests have been answered, not counting refusals.
        """
        return requests + self._unnumbered - self._questions

    def _answer_jsonl(self, host: Decider, request: bytes) -> bytes:
        try:
            attempt = parse_attempt(request)
        except InvalidAttempt as error:
            return _refuse_jsonl(host, str(error))
        if attempt == STATUS_REQUEST:
            self._questions += 1
            return self._status() + b"\n"
        decision = host.decide(attempt)
        return _NORMAL_LINE if decision == _NORMAL else _json_line(decision)

    def _refuse(
        self, refusal: Callable[[Decider, str], bytes], host: Decider, problem: str
    ) -> bytes:
        self._unnumbered += 1
        return refusal(host, problem)
