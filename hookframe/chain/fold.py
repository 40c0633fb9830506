"""The fold: members called in order, each vote checked and added; the strictest verdict wins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from hookframe.api.decision import ACTIONS, NORMAL, TEMPFAIL, read_vote
from hookframe.api.errors import InvalidDecision
from hookframe.api.events import ShadowVote
from hookframe.api.plugin_code import calls_plugins
from hookframe.api.readonly import make_view
from hookframe.chain.stats import Count

if TYPE_CHECKING:
    from hookframe.api.attempt import Attempt
    from hookframe.api.decision import Action, Decision
    from hookframe.api.hookspecs import State
    from hookframe.chain.member import AttemptRun, Member
    from hookframe.chain.trace import Calls
    from hookframe.config.plugin_policy import Policy

_STRICTNESS: Final = {name: action.strictness for name, action in ACTIONS.items()}
_REPEATABLE: Final = 2
"""A vote with more keys than this is checked each time."""
_QUIET: Final = 0.05
"""Seconds for which the votes of a shadow are only counted once it is over its limit."""


def fold(accumulated: Decision, vote: Decision) -> Decision:
    """Add one checked decision to the accumulated decision of earlier plugins (CONTRACT 2).

    The strictest verdict (dump, then pause) wins in any order; of two equally strict ones the
    first wins, with its message. Without a verdict, later routing keys replace earlier ones.

    Args:
        accumulated: the decision so far.
        vote: a decision that `check_decision` has returned.

    Returns:
        The new accumulated decision; the same object if nothing changed.
    """
    before, now = _STRICTNESS[accumulated["action"]], _STRICTNESS[vote["action"]]
    if before or now:
        return vote if now > before else accumulated
    if len(vote) == 1:
        return accumulated
    total: Any = accumulated.copy()  # faster than `{**accumulated}` if it is read-only
    total.update(vote)
    if "new_sender" in total:
        total["action"] = "new_config"
    elif "new_mtaid" in total:
        total["action"] = "new_mtaid"
    else:
        total["action"] = "normal"
    return cast("Decision", total)


def check_vote(
    returned: object, policy: Policy, actions: Mapping[str, Action] = ACTIONS
) -> tuple[Decision, str]:
    """Check a return value against the schema and against the plugin's `may`.

    Returns:
        The decision, and the plugin's reason; empty if it has none.

    Raises:
        InvalidDecision: one of the two does not allow it.
    """
    decision, reason = read_vote(returned, actions)
    if not policy.allows(decision["action"]):
        allowed = ", ".join(sorted(policy.may or ()))
        raise InvalidDecision(
            f"the action {decision['action']} is not among those that the configuration "
            f"allows this plugin: may = [{allowed}]"
        )
    return decision, reason


class Fold:
    """The members of a chain, called in order.

    Args:
        run: the running attempt.
        members: its members, but for wrappers.
    """

    def __init__(self, run: AttemptRun, members: Iterable[Member]) -> None:
        self._run = run
        self._members = list(members)

    @calls_plugins
    def decide(self, attempt: Attempt, state: State, calls: Calls | None = None) -> Decision:
        """Call each policy, and add its vote to the decision of those before it; never raises.

        Args:
            attempt: the attempt, read-only.
            state: the generation's state.
            calls: receives each call; None for no record.
        """
        decision = NORMAL
        for member in self._members:
            try:
                vote = member.call(attempt, decision, state)
                if vote is not None:
                    decision = member.add(vote, decision)
                if calls is not None:
                    calls.add(member, vote, decision)
            except BaseException as error:  # noqa: BLE001  (whatever a plugin raises is a temp-fail)
                failure = self._run.record_failure(member, error)
                decision = decision if failure.skipped else TEMPFAIL
                if calls is not None:
                    calls.add(member, None, decision, failure.error.text)
                if decision is TEMPFAIL:
                    break
        return decision

    def abandon(self) -> None:
        """Call no further policy, even in an attempt that is running."""
        self._members.clear()  # a loop over a list ends when the list has become shorter


class VoteCache:
    """Adds the votes of one plugin to the decision, and keeps the result of the last one.

    A plugin returns a new dict each time, but mostly with the very string objects of its code.
    Unlike a dict that was checked before, a string can't change: the same strings added to the
    same decision give the same result.

    Args:
        member: the plugin and its policy.
        run: the running attempt.
    """

    __slots__ = (
        "_action",
        "_after",
        "_before",
        "_count",
        "_key",
        "_member",
        "_run",
        "_size",
        "_text",
        "reason",
        "vote",
    )

    def __init__(self, member: Member, run: AttemptRun) -> None:
        self._member = member
        self._run = run
        self._before: Decision | None = None
        self._after: Decision = NORMAL
        self._count = Count()
        self._size = 0
        self._action = self._key = self._text = ""
        self.vote: Decision = NORMAL
        """the last vote, checked, without its reason"""
        self.reason = ""
        """its reason"""

    def add(self, vote: Any, before: Decision) -> Decision:
        """Check a vote, count it, and add it to the decision of the earlier plugins.

        Args:
            vote: the plugin's return value, not None.
            before: the decision so far, read-only.

        Returns:
            The new decision, read-only; the same object where nothing changed.

        Raises:
            InvalidDecision: the vote is not valid, or not allowed for this plugin.
        """
        # Compared by identity, because `==` may run a plugin's code.
        try:
            if (
                before is self._before
                and type(vote) is dict
                and len(vote) == self._size
                and vote["action"] is self._action
                and vote[self._key] is self._text
            ):
                self._count.number += 1
                return self._after
        except KeyError:
            pass
        return self._add(vote, before)

    def _add(self, vote: object, before: Decision) -> Decision:
        if vote is before:
            return before
        plugin, policy = self._member.plugin, self._member.policy
        checked, self.reason = check_vote(vote, policy)
        self.vote = checked
        count = self._run.statistics.get_vote_count(plugin.name, checked["action"])
        count.number += 1
        after = fold(before, checked)
        if after is not before:
            after = cast("Decision", make_view(after))
        self._before = None
        if type(vote) is dict and len(vote) == len(checked) <= _REPEATABLE:
            self._keep(vote, checked, before, after, count)
        return after

    def _keep(
        self,
        vote: dict[str, Any],
        checked: Decision,
        before: Decision,
        after: Decision,
        count: Count,
    ) -> None:
        """Keep the result of a vote of plain strings."""
        *_, key = checked
        action, text = vote["action"], vote[key]
        if type(action) is type(text) is str:
            self._size, self._action, self._key, self._text = len(checked), action, key, text
            self._before, self._after, self._count = before, after, count


class ShadowVotes(VoteCache):
    """Checks and counts the votes of a plugin in shadow mode; they are logged, within a limit.

    Where they are compared with those of another member, only differences are logged.
    """

    __slots__ = ("_left_out", "_quiet_until")

    def __init__(self, member: Member, run: AttemptRun) -> None:
        super().__init__(member, run)
        self._quiet_until = 0.0
        self._left_out = 0

    def add(self, vote: Any, before: Decision) -> Decision:
        """Check a vote, count it, and record it as an event, unless it changes nothing.

        Returns:
            The decision of the earlier plugins.
        """
        if vote is not before:
            changes = VoteCache.add(self, vote, NORMAL) is not NORMAL
            if changes and self._member.policy.shadow_of is None:
                self.record(self.vote, self.reason)
        return before

    def record(self, vote: Decision, reason: str, other: Decision | None = None) -> None:
        """Record what the plugin would have decided, or only count it beyond the limit.

        Args:
            vote: its checked vote.
            reason: its reason; empty if it has none.
            other: the different vote of the member with which it is compared; None without one.
        """
        if self._run.started < self._quiet_until:
            self._left_out += 1
            return
        limit, name = self._run.limit, self._member.name
        if limit is not None:
            self.report_left_out()
            if not limit.admits(name):
                self._left_out, self._quiet_until = 1, self._run.started + _QUIET
                return
        of = self._member.policy.shadow_of if other is not None else None
        self._run.events.append(ShadowVote(self._member.plugin.origin, vote, reason, of, other))

    def report_left_out(self) -> None:
        """Tell the limit how many votes were not logged."""
        if self._left_out and self._run.limit is not None:
            self._run.limit.leave_out(self._member.name, self._left_out)
            self._left_out = 0
