"""The protocols of one process, and the requests in them that are no attempts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from hookframe.api.attempt import parse_attempt
from hookframe.api.errors import InvalidAttempt
from hookframe.daemon.protocols import exim, explain, jsonl
from hookframe.daemon.protocols.base import Decider, WireProtocol


class Protocols:
    """The protocols of one process; it notes which requests were no attempts.

    Args:
        status: gives the daemon's status, as JSON on one line without its end.
    """

    def __init__(self, status: Callable[[], bytes]) -> None:
        self._status = status
        self._refused_requests = 0
        self._status_requests = 0

    def find(self, protocol: str) -> WireProtocol:
        """Give the wire of a protocol."""
        plain = self._build(protocol)
        return replace(plain, refusal=partial(self._refuse, plain.refusal))

    def _build(self, protocol: str) -> WireProtocol:
        if protocol == "exim":
            return WireProtocol(exim.split_request, True, exim.answer, exim.refuse)
        if protocol == "explain":
            return WireProtocol(jsonl.cut_lines, False, explain.answer, explain.refuse)
        return WireProtocol(jsonl.cut_lines, False, self._answer_jsonl, jsonl.refuse)

    def attempts(self, requests: int) -> int:
        """Say how many attempts have been answered, temp-fails included.

        Args:
            requests: how many requests have been answered, not counting refusals.
        """
        return requests + self._refused_requests - self._status_requests

    def _answer_jsonl(self, host: Decider, request: bytes) -> bytes:
        try:
            attempt = parse_attempt(request)
        except InvalidAttempt as error:
            return jsonl.refuse(host, str(error))
        if attempt == jsonl.STATUS_REQUEST:
            self._status_requests += 1
            return self._status() + b"\n"
        return jsonl.format_answer(host.decide(attempt))

    def _refuse(
        self, refusal: Callable[[Decider, str], bytes], host: Decider, problem: str
    ) -> bytes:
        self._refused_requests += 1
        return refusal(host, problem)
