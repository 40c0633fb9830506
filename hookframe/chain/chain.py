"""The chain: plugins in the configured order, folded into one decision.

pluggy finds and marks the hooks and runs the wrappers. The fold is hookframe's, because pluggy
calls every implementation with the same arguments and does not return who answered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from operator import attrgetter
from time import monotonic
from typing import TYPE_CHECKING, Final

from hookframe.api.decision import TEMPFAIL
from hookframe.api.errors import Origin
from hookframe.api.events import Failure
from hookframe.chain.deadline import make_deadline_error
from hookframe.chain.fold import Fold
from hookframe.chain.member import AttemptRun, Member, make_error
from hookframe.chain.trace import link
from hookframe.chain.wrappers import Inner, Wrapper

if TYPE_CHECKING:
    from hookframe.api.attempt import Attempt
    from hookframe.api.decision import Decision
    from hookframe.api.hookspecs import State, Vote
    from hookframe.config.plugin_policy import Policy
    from hookframe.plugins.plugin import Plugin

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
        members = [Member.build(plugin, policy, run) for plugin, policy in plugins_and_policies]
        self.plugins = tuple(plugin for plugin, _ in plugins_and_policies)
        policies = [member for member in members if not member.plugin.wrapper]
        self._plain = Fold(run, policies)
        self._traced = Fold(run, [member.with_trace(run) for member in policies])
        self._wrappers = tuple(Wrapper(member) for member in members if member.plugin.wrapper)
        self.decide: Callable[[Attempt, State], Decision] = (
            self._run_wrapped if self._wrappers else self._plain.decide
        )
        """calls every plugin and wrapper; it never raises, and does not check the deadline"""
        own = (policy.deadline for _, policy in plugins_and_policies)
        self.shortest = min([run.deadline, *(each for each in own if each is not None)])
        """the shortest deadline, the chain's or a plugin's, in seconds; infinite without any"""

    def explain(self, attempt: Attempt, state: State) -> tuple[Decision, tuple[Vote, ...]]:
        """Decide as `decide` does, within the deadline, and record what each plugin did."""
        run = self.run
        outer = run.calls  # of an attempt whose plugin asks its own host
        calls = run.calls = []
        run.started = started = monotonic()
        try:
            decision = self._run_wrappers(
                partial(self._fold_traced, attempt, state), attempt, state
            )
            if monotonic() - started > run.deadline:
                decision = self.fail_late(decision, started)
        finally:
            run.started, run.calls = 0.0, outer
        return decision, tuple(call.as_vote() for call in calls)

    @property
    def mark(self) -> Callable[[], object]:
        """A function in C that returns the same value while the same plugin runs."""
        return partial(attrgetter("member"), self.run)

    def abandon(self) -> None:
        """In a child that a hook has forked: call no further plugin in the running attempt."""
        self._plain.abandon()
        self._traced.abandon()

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
            run.statistics.count_error(origin.plugin)
        error = make_deadline_error(monotonic() - started, run.deadline, whole=True, how=how)
        run.events.append(Failure(make_error(origin, error), skipped=False))
        return TEMPFAIL

    def _run_wrapped(self, attempt: Attempt, state: State) -> Decision:
        return self._run_wrappers(partial(self._plain.decide, attempt, state), attempt, state)

    def _run_wrappers(self, inner: Inner, attempt: Attempt, state: State) -> Decision:
        """Run the wrappers around the fold, the first listed outermost."""
        for wrapper in reversed(self._wrappers):
            inner = partial(wrapper.run_around, inner, attempt, state, self.run)
        return inner()

    def _fold_traced(self, attempt: Attempt, state: State) -> Decision:
        """Fold with a record of each call, and of the decision after it."""
        decision = self._traced.decide(attempt, state)
        link(self.run.calls or (), decision)
        return decision
