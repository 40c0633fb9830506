"""The protocols of one process, and the requests in them that are no attempts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from hookframe.api.attempt import parse_attempt
from hookframe.api.errors import InvalidAttempt
from hookframe.daemon.protocols import exim, explain, jsonl
from hookframe.daemon.protocols.base import Decider, Wire


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
            return Wire(exim.cut_request, True, exim.answer, exim.refuse)
        if protocol == "explain":
            return Wire(jsonl.cut_lines, False, explain.answer, explain.refuse)
        return Wire(jsonl.cut_lines, False, self._answer_jsonl, jsonl.refuse)

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
            return jsonl.refuse(host, str(error))
        if attempt == jsonl.STATUS_REQUEST:
            self._questions += 1
            return self._status() + b"\n"
        return jsonl.format_answer(host.decide(attempt))

    def _refuse(
        self, refusal: Callable[[Decider, str], bytes], host: Decider, problem: str
    ) -> bytes:
        self._unnumbered += 1
        return refusal(host, problem)
