"""The jsonl protocol: an attempt as JSON on one line, and its decision on one line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from hookframe.api.decision import Decision
    from hookframe.daemon.protocols.base import Decider

STATUS_REQUEST: Final = {"hookframe": "status"}
"""What a client of the jsonl protocol sends to learn how the daemon is."""
_NORMAL: Final = {"action": "normal"}
_NORMAL_LINE: Final = b'{"action":"normal"}\n'
"""The answer to most attempts, written once."""


def cut_lines(data: bytes) -> list[bytes]:
    """Cut requests off at their line feeds."""
    return data.split(b"\n")


def refuse(host: Decider, problem: str) -> bytes:
    """Answer what is no attempt."""
    return format_answer(host.refuse(problem))


def format_answer(decision: Decision) -> bytes:
    """Write a decision as one line of JSON.

    Args:
        decision: a decision as `Host.decide` returns it.
    """
    return _NORMAL_LINE if decision == _NORMAL else msgspec.json.encode(decision) + b"\n"
