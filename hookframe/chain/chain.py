"""The chain: plugins in the configured order, folded into one decision.

pluggy finds and marks the hooks. hookframe calls them, because pluggy calls every implementation
with the same arguments and does not return who answered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Final

from hookframe.api.decision import TEMPFAIL
from hookframe.api.errors import Origin
from hookframe.api.events import Failure
from hookframe.chain.comparison import Comparison
from hookframe.chain.deadline import make_deadline_error
from hookframe.chain.fold import Fold, ShadowVotes
from hookframe.chain.member import AttemptRun, Member, make_error
from hookframe.chain.trace import Calls
from hookframe.chain.wrappers import Inner, Wrapper

if TYPE_CHECKING:
    from hookframe.api.attempt import Attempt
    from hookframe.api.decision import Decision
    from hookframe.api.hookspecs import State, Vote
    from hookframe.config.plugin_policy import Policy
    from hookframe.plugins.plugin import Plugin

Observer = tuple["Plugin", Callable[..., object]]
_WHOLE_CHAIN: Final = Origin("chain")
"""The origin of an overrun of the whole chain's deadline."""


class Chain:
    """Plugins with their policies, in the configured order.

    Args:
        plugins_and_policies: each plugin with its policy, the first one called first; the first
            wrapper is the outermost.
        deadline: the longest time of one attempt, in seconds; None for no limit.
    """

    def __init__(
        self,
        plugins_and_policies: Sequence[tuple[Plugin, Policy]] = (),
        deadline: float | None = None,
    ) -> None:
        self.run = run = AttemptRun(inf if deadline is None else deadline)
        members = [Member(plugin, policy, run) for plugin, policy in plugins_and_policies]
        self.plugins = tuple(plugin for plugin, _ in plugins_and_policies)
        self.observers: tuple[Observer, ...] = tuple(
            (plugin, plugin.decided) for plugin in self.plugins if plugin.decided is not None
        )
        """its plugins that implement `decided`, each with that hook"""
        self._shadows = [each.votes for each in members if isinstance(each.votes, ShadowVotes)]
        by_name = {member.name: member for member in members}
        for member in members:
            if member.policy.shadow_of is not None:
                Comparison(member, by_name[member.policy.shadow_of], run)
        self._fold = Fold(run, [member for member in members if not member.plugin.wrapper])
        self.decide: Inner = self._fold.decide
        """calls every plugin and wrapper; it never raises, and does not check the deadline"""
        for member in reversed(members):
            if member.plugin.wrapper:  # the first listed is the outermost
                self.decide = Wrapper(member, self.decide, run).decide
        own = (policy.deadline for _, policy in plugins_and_policies)
        self.shortest = min([run.deadline, *(each for each in own if each is not None)])
        """the shortest deadline, the chain's or a plugin's, in seconds; infinite without any"""

    def explain(self, attempt: Attempt, state: State) -> tuple[Decision, tuple[Vote, ...]]:
        """Decide as `decide` does, and return what each plugin did."""
        calls = Calls()
        return self.decide(attempt, state, calls), calls.list_votes()

    def abandon(self) -> None:
        """In a child that a hook has forked: call no further plugin in the running attempt."""
        self._fold.abandon()

    def report_left_out(self) -> None:
        """Tell the limit of log lines how many votes of shadows were not logged."""
        for votes in self._shadows:
            votes.report_left_out()

    def fail_late(self, decision: Decision, started: float) -> Decision:
        """Turn a decision that came too late into a temp-fail."""
        run = self.run
        unresponsive, run.unresponsive = run.unresponsive, None
        if decision is TEMPFAIL:
            return decision
        origin, how = _WHOLE_CHAIN, "took"
        if unresponsive is not None:
            origin, how = (
                unresponsive.plugin.origin,
                "went on when it was interrupted, and ended after",
            )
        late = make_deadline_error(monotonic() - started, run.deadline, whole=True, how=how)
        error = make_error(origin, late)
        if unresponsive is not None:
            run.statistics.count_error(origin.plugin, error.text)
        run.events.append(Failure(error, skipped=False))
        return TEMPFAIL
