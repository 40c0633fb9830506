"""The protocols of one process, with a count of the requests that are no attempts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from hookframe.api.attempt import parse_attempt
from hookframe.api.decision import make_temporary_failure
from hookframe.api.errors import InvalidAttempt
from hookframe.chain.trace import Explanation
from hookframe.daemon.protocols import exim, explain, jsonl
from hookframe.daemon.protocols.base import Decider, WireProtocol

_FLAGS: Final = {0: False, 1: True}


class Protocols:
    """The protocols of one process.

    Args:
        status: returns the daemon's status as one line of JSON.
    """

    def __init__(self, status: Callable[[], bytes]) -> None:
        self._status = status
        self._refused_requests = 0
        self._status_requests = 0

    def find(self, protocol: str) -> WireProtocol:
        """Return a protocol by its name."""
        plain = self._build(protocol)
        return replace(plain, refusal=partial(self._refuse, plain.refusal))

    def _build(self, protocol: str) -> WireProtocol:
        failure = make_temporary_failure()
        if protocol == "exim":
            end = exim.format_answer(failure)
            return WireProtocol(exim.split_request, True, exim.answer, exim.refuse, end)
        if protocol == "explain":
            end = explain.format_answer(Explanation(failure, ()))
            return WireProtocol(jsonl.split_lines, False, explain.answer, explain.refuse, end)
        end = jsonl.format_answer(failure)
        return WireProtocol(jsonl.split_lines, False, self._answer_jsonl, jsonl.refuse, end)

    def attempts(self, requests: int) -> int:
        """Return the number of answered attempts, temporary failures included.

        Args:
            requests: the number of answered requests, without refusals.
        """
        return requests + self._refused_requests - self._status_requests

    def _answer_jsonl(self, host: Decider, request: bytes) -> bytes:
        try:
            attempt = parse_attempt(request)
        except InvalidAttempt as error:
            return jsonl.refuse(host, str(error))
        try:  # mail servers send 1 or 0
            attempt["is_first_attempt"] = _FLAGS[attempt["is_first_attempt"]]
            attempt["mtaid_exists"] = _FLAGS[attempt["mtaid_exists"]]
        except (KeyError, TypeError):  # it is no valid attempt, as the host will say
            if attempt == jsonl.STATUS_REQUEST:
                self._status_requests += 1
                return self._status()
        return jsonl.format_answer(host.decide(attempt))

    def _refuse(
        self, refusal: Callable[[Decider, str], bytes], host: Decider, problem: str
    ) -> bytes:
        self._refused_requests += 1
        return refusal(host, problem)
