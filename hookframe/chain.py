"""The chain: plugins in the operator's order, compiled once, folded into one decision.

pluggy finds and marks the hooks and runs the wrappers; the fold itself is hookframe's, because
pluggy calls every implementation with the same arguments and does not say who answered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from time import monotonic
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

from hookframe.deadline import calls_plugins, exceeded
from hookframe.decision import NORMAL, TEMPFAIL, fold
from hookframe.errors import Origin
from hookframe.step import Calls, Failure, Run, ShadowVote, Step, failure
from hookframe.trace import link
from hookframe.wrapper import Wrapper

if TYPE_CHECKING:
    from hookframe.attempt import Attempt
    from hookframe.decision import Decision
    from hookframe.hookspecs import State, Vote
    from hookframe.plugin import Plugin
    from hookframe.policy import Policy

_WHOLE: Final = Origin("chain")
"""What an overrun of the whole chain's deadline is attributed to."""


class Chain:
    """Plugins with their policies, in the operator's order.

    Args:
        members: each plugin with its policy, the first one called first; of the wrappers the
            first is the outermost.
        deadline: the longest time of one attempt, in seconds; None for no limit.
    """

    def __init__(
        self, members: Sequence[tuple[Plugin, Policy]] = (), deadline: float | None = None
    ) -> None:
        self.run = run = Run(inf if deadline is None else deadline)
        steps = [Step.compiled(plugin, policy, run) for plugin, policy in members]
        self.plugins = tuple(plugin for plugin, _ in members)
        self._calls = tuple((step.call, step) for step in steps if not step.plugin.wrapper)
        self._wrappers = tuple(Wrapper(step) for step in steps if step.plugin.wrapper)
        self._deadline = run.deadline
        own = (policy.deadline for _, policy in members)
        self.shortest = min([self._deadline, *(each for each in own if each is not None)])
        """the shortest deadline, the chain's or a plugin's, in seconds; infinite without any"""

    def decide(self, attempt: Attempt, state: State) -> Decision:
        """Ask every plugin about one attempt.

        Args:
            attempt: the read-only attempt.
            state: the generation's state.

        Returns:
            The folded decision; exactly `TEMPFAIL` after an error. It never raises: what went
            wrong stands in `run.events`, which the caller empties.
        """
        run = self.run
        run.started = started = monotonic()
        try:
            if self._wrappers:
                decision = self._surrounded(self._calls, attempt, state)
            else:
                decision = self._folded(self._calls, attempt, state)
            if monotonic() - started > self._deadline:
                return self._too_late(decision, started)
            return decision
        finally:
            run.started = 0.0

    def explain(self, attempt: Attempt, state: State) -> tuple[Decision, tuple[Vote, ...]]:
        """Decide as `decide` does, and record what each plugin did."""
        calls = self.run.calls = []
        traced = tuple((step.traced(calls), step) for _, step in self._calls)
        self.run.started = started = monotonic()
        try:
            decision = self._surrounded(traced, attempt, state)
            if monotonic() - started > self._deadline:
                decision = self._too_late(decision, started)
        finally:
            self.run.started, self.run.calls = 0.0, None
        return decision, tuple(call.as_vote() for call in calls)

    @property
    def mark(self) -> Callable[[], int] | None:
        """What gives the same number as long as the same plugin runs; None with wrappers.

        It costs next to nothing: see `Run.running`.
        """
        remaining: Any = self.run.fold[1]
        return None if self._wrappers else remaining.__length_hint__

    def _too_late(self, decision: Decision, started: float) -> Decision:
        """Turn a decision that came too late into a temp-fail."""
        run = self.run
        stubborn, run.stubborn = run.stubborn, None
        if decision is TEMPFAIL:
            return decision
        origin, how = _WHOLE, "took"
        if stubborn is not None:
            origin, how = stubborn.plugin.origin, "went on when it was interrupted, and ended after"
            run.statistics.failed(origin.plugin)
        error = exceeded(monotonic() - started, self._deadline, whole=True, how=how)
        run.events.append(Failure(failure(origin, error), skipped=False))
        return TEMPFAIL

    def _surrounded(self, calls: Calls, attempt: Attempt, state: State) -> Decision:
        """Run the wrappers around the fold, the first listed outermost."""
        inner = partial(self._folded, calls, attempt, state)
        for wrapper in reversed(self._wrappers):
            inner = partial(wrapper.around, inner, attempt, state, self.run)
        return inner()

    @calls_plugins
    def _folded(self, calls: Calls, attempt: Attempt, state: State) -> Decision:
        decision, run = NORMAL, self.run
        remaining = iter(calls)
        run.fold = (calls, remaining)
        while True:
            try:
                for call, step in remaining:
                    vote = call(attempt, decision, state)
                    if vote is not None and vote is not decision:
                        decision = self._counted(step, vote, decision)
                break
            except BaseException as error:  # noqa: BLE001  (whatever a plugin raises is a temp-fail)
                if not run.failed(step, error).skipped:
                    decision = TEMPFAIL
                    break
        if run.calls is not None:
            link(run.calls, decision)
        return decision

    def _counted(self, step: Step, vote: object, decision: Decision) -> Decision:
        """Check a vote, and add it to the accumulated decision."""
        checked = step.checked(vote)
        self.run.statistics.voted(step.plugin.name, checked["action"])
        if step.policy.shadow:
            if len(checked) > 1 or checked["action"] != "normal":
                self.run.events.append(ShadowVote(step.plugin.origin, checked))
            return decision
        folded = fold(decision, checked)
        if folded is decision:
            return decision
        return cast("Decision", MappingProxyType(folded))
