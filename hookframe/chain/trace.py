"""The trace of one attempt: each plugin's vote and time, and the deciding plugins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hookframe.api.decision import Decision
    from hookframe.api.errors import Origin
    from hookframe.api.hookspecs import Vote
    from hookframe.config.plugin_policy import Mode

_NANOSECONDS_PER_MICROSECOND: Final = 1000
_VERDICTS: Final = ("pause", "dump")


@dataclass(frozen=True, slots=True)
class Explanation:
    """A decision with its trace.

    Args:
        decision: what `Host.decide` would have returned.
        trace: one entry for each plugin, in the order of the chain; wrappers after the policies,
            the innermost first.
    """

    decision: Decision
    trace: tuple[Vote, ...]

    @property
    def decided_by(self) -> tuple[str, ...]:
        """The plugins whose votes formed the decision; empty if none changed it."""
        changing = tuple(vote["plugin"] for vote in self.trace if vote["changed"])
        return changing[-1:] if self.decision["action"] in _VERDICTS else changing


def explanation_document(explanation: Explanation) -> dict[str, object]:
    """Return the JSON object of an explanation."""
    return {
        "decision": explanation.decision,
        "decided_by": explanation.decided_by,
        "trace": explanation.trace,
    }


class Call:
    """One plugin's call in a traced attempt, filled in as the attempt runs."""

    __slots__ = ("after", "before", "error", "mode", "nanoseconds", "origin", "vote")

    def __init__(self, origin: Origin, mode: Mode, before: Decision) -> None:
        self.origin = origin
        self.mode = mode
        self.before = before
        self.after = before
        self.vote: Decision | None = None
        self.error: str | None = None
        self.nanoseconds = 0

    def as_vote(self) -> Vote:
        """Return the entry for callers and observers."""
        return {
            "plugin": self.origin.plugin,
            "distribution": self.origin.distribution,
            "version": self.origin.version,
            "mode": self.mode,
            "vote": None if self.vote is None else self.vote.copy(),
            "decision": self.after.copy(),
            "changed": self.after != self.before,
            "error": self.error,
            "microseconds": self.nanoseconds / _NANOSECONDS_PER_MICROSECOND,
        }


def link(calls: Sequence[Call], final: Decision) -> None:
    """Record the accumulated decision after each call."""
    for call, following in pairwise(calls):
        call.after = following.before
    if calls:
        calls[-1].after = final
