"""The trace of one attempt: each plugin's vote and time, and the deciding plugins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import starmap
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Final, cast

from hookframe.api.decision import NORMAL
from hookframe.api.readonly import freeze

if TYPE_CHECKING:
    from hookframe.api.decision import Decision
    from hookframe.api.hookspecs import Vote
    from hookframe.chain.member import Member

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


class Calls:
    """The calls of one attempt, recorded as it runs.

    Recording is cheap: most attempts are observed by plugins that look at no entry.
    """

    __slots__ = ("_before", "_last", "_records")

    def __init__(self) -> None:
        self._records: list[
            tuple[Member, Decision | None, str, Decision, Decision, str | None, int]
        ] = []
        self._before = NORMAL
        self._last = perf_counter_ns()

    def add(self, member: Member, vote: object, after: Decision, error: str | None = None) -> None:
        """Record the call of a member, which has just ended.

        Args:
            member: the member.
            vote: its return value.
            after: the decision after it.
            error: the text of its error.
        """
        now, before = perf_counter_ns(), self._before
        votes, checked, reason = member.votes, None, ""
        if vote is not None and vote is not before:
            checked, reason = votes.vote, votes.reason
        self._records.append((member, checked, reason, before, after, error, now - self._last))
        self._before, self._last = after, now

    def pause(self) -> int:
        """Return the nanoseconds since the last call: a wrapper's, before the chain inside."""
        last, self._last = self._last, perf_counter_ns()
        return self._last - last

    def resume(self, nanoseconds: int) -> None:
        """Go on with a call that had taken so long before."""
        self._last = perf_counter_ns() - nanoseconds

    def list_times(self) -> list[tuple[str, float]]:
        """List each plugin with the microseconds of its call."""
        return [
            (member.name, nanoseconds / _NANOSECONDS_PER_MICROSECOND)
            for member, *_, nanoseconds in self._records
        ]

    def list_votes(self) -> tuple[Vote, ...]:
        """Build the entries for callers and observers."""
        return tuple(starmap(_make_vote, self._records))


class Trace(Sequence["Vote"]):
    """The read-only entries of an attempt, built when one is looked at.

    Args:
        calls: the recorded calls.
    """

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    @cached_property
    def _votes(self) -> tuple[Vote, ...]:
        return cast("tuple[Vote, ...]", freeze(self._calls.list_votes()))

    def __getitem__(self, index: Any) -> Any:
        return self._votes[index]

    def __len__(self) -> int:
        return len(self._votes)

    def __eq__(self, other: object) -> bool:
        return self._votes == (other._votes if type(other) is Trace else other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(self._votes)


def _make_vote(
    member: Member,
    vote: Decision | None,
    reason: str,
    before: Decision,
    after: Decision,
    error: str | None,
    nanoseconds: int,
) -> Vote:
    origin = member.plugin.origin
    return {
        "plugin": origin.plugin,
        "distribution": origin.distribution,
        "version": origin.version,
        "mode": member.policy.mode,
        "vote": None if vote is None else vote.copy(),
        "reason": reason or None,
        "decision": after.copy(),
        "changed": after != before,
        "error": error,
        "microseconds": nanoseconds / _NANOSECONDS_PER_MICROSECOND,
    }
