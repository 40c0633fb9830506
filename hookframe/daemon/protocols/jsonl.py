"""The jsonl protocol: an attempt as JSON on one line, and its decision on one line."""

from __future__ import annotations

from operator import methodcaller
from typing import TYPE_CHECKING, Final

from hookframe.api.attempt import encode_line
from hookframe.api.decision import NORMAL

if TYPE_CHECKING:
    from hookframe.api.decision import Decision
    from hookframe.daemon.protocols.base import Decider

STATUS_REQUEST: Final = {"hookframe": "status"}
"""The request for the daemon's status."""
_NORMAL_LINE: Final = b'{"action":"normal"}\n'
"""The most frequent answer, formatted once."""


split_lines: Final = methodcaller("split", b"\n")
"""Splits requests off at their line feeds."""


def refuse(host: Decider, problem: str) -> bytes:
    """Answer an invalid attempt."""
    return format_answer(host.refuse(problem))


def format_answer(decision: Decision) -> bytes:
    """Format a decision as one line of JSON.

    Args:
        decision: a decision as `Host.decide` returns it.
    """
    return _NORMAL_LINE if decision == NORMAL else encode_line(decision)
