"""The explain protocol: requests as in jsonl, answers with the trace of all plugins."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hookframe.api.attempt import parse_attempt
from hookframe.api.errors import InvalidAttempt
from hookframe.chain.trace import Explanation, explanation_document

if TYPE_CHECKING:
    from hookframe.daemon.protocols.base import Decider


def answer(host: Decider, request: bytes) -> bytes:
    """Decide about an attempt, and answer with the trace."""
    try:
        attempt = parse_attempt(request)
    except InvalidAttempt as error:
        return refuse(host, str(error))
    return format_answer(host.explain(attempt))


def refuse(host: Decider, problem: str) -> bytes:
    """Answer an invalid attempt."""
    return format_answer(Explanation(host.refuse(problem), ()))


def format_answer(explanation: Explanation) -> bytes:
    """Format a decision with its trace as one line of JSON."""
    return json.dumps(explanation_document(explanation)).encode() + b"\n"
