"""A plugin in shadow mode, compared with another member of the chain: `shadow_of`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hookframe.api.decision import NORMAL
from hookframe.api.errors import InvalidDecision
from hookframe.api.plugin_code import calls_plugins
from hookframe.chain.fold import ShadowVotes, check_vote

if TYPE_CHECKING:
    from hookframe.api.decision import Decision
    from hookframe.chain.member import AttemptRun, Invocation, Member

Vote = tuple["Decision", str]


class Comparison:
    """Compares the votes of a shadow with those of its target, in whatever order they are called.

    An attempt in which one of the two fails is not compared. None equals a bare normal, and
    reasons don't count.

    Args:
        shadow: the member in shadow mode.
        target: the member that it is compared with.
        run: the running attempt.
    """

    def __init__(self, shadow: Member, target: Member, run: AttemptRun) -> None:
        self._shadow = shadow
        self._run = run
        self._first: tuple[float, Member, Vote] | None = None
        """the vote of the one that was called first, with the start of its attempt"""
        for member in (shadow, target):
            member.call = self._follow(member, member.call)

    def _follow(self, member: Member, call: Invocation) -> Invocation:
        @calls_plugins
        def follow(attempt: Any, decision: Decision, state: Any) -> Any:
            returned = call(attempt, decision, state)
            try:
                vote = _read_vote(returned, decision, member)
            except InvalidDecision:  # an error of this member: the fold finds it too
                self._first = None
            else:
                self._take(member, vote)
            return returned

        return follow

    def _take(self, member: Member, vote: Vote) -> None:
        first, started = self._first, self._run.started
        if first is None or first[0] != started or first[1] is member:
            self._first = (started, member, vote)
            return
        self._first = None
        own, other = (vote, first[2]) if member is self._shadow else (first[2], vote)
        agree = own[0] == other[0]
        self._run.statistics.count_comparison(self._shadow.name, agree=agree)
        if not agree and isinstance(self._shadow.votes, ShadowVotes):
            self._shadow.votes.record(own[0], own[1], other[0])


def _read_vote(returned: object, decision: Decision, member: Member) -> Vote:
    if returned is None or returned is decision:
        return NORMAL, ""
    return check_vote(returned, member.policy)
