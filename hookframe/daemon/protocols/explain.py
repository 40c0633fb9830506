"""The explain protocol: requests as in jsonl, answers with the trace of all plugins."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from hookframe.api.attempt import parse_attempt
from hookframe.api.errors import InvalidAttempt

if TYPE_CHECKING:
    from hookframe.daemon.protocols.base import Decider


def answer(host: Decider, request: bytes) -> bytes:
    """Decide about an attempt, and answer with the trace."""
    try:
        attempt = parse_attempt(request)
    except InvalidAttempt as error:
        return refuse(host, str(error))
    explanation = host.explain(attempt)
    document: dict[str, object] = {
        "decision": explanation.decision,
        "decided_by": explanation.decided_by,
        "trace": explanation.trace,
    }
    return json.dumps(document).encode() + b"\n"


def refuse(host: Decider, problem: str) -> bytes:
    """Answer what is no attempt."""
    document: dict[str, object] = {"decision": host.refuse(problem), "decided_by": [], "trace": []}
    return json.dumps(document).encode() + b"\n"
