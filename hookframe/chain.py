"""The chain: plugins in the operator's order, compiled once, folded into one decision.

pluggy finds and marks the hooks and runs the wrappers; the fold itself is hookframe's, because
pluggy calls every implementation with the same arguments and does not say who answered.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from operator import attrgetter
from time import monotonic
from typing import TYPE_CHECKING, Final

from hookframe.deadline import calls_plugins, exceeded
from hookframe.decision import NORMAL, TEMPFAIL
from hookframe.errors import Origin
from hookframe.step import Failure, Invocation, Run, Step, failure
from hookframe.trace import link
from hookframe.unrolled import abandon, unrolled
from hookframe.votes import Votes
from hookframe.wrapper import Inner, Wrapper

if TYPE_CHECKING:
    from hookframe.attempt import Attempt
    from hookframe.decision import Decision
    from hookframe.hookspecs import State, Vote
    from hookframe.plugin import Plugin
    from hookframe.policy import Policy

_WHOLE: Final = Origin("chain")
"""What an overrun of the whole chain's deadline is attributed to."""


Calls = tuple[tuple[Invocation, Votes], ...]
"""A compiled fold: what to call, and what becomes of that which it returns."""


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
        run.steps = tuple(step for step in steps if not step.plugin.wrapper)
        self._calls = tuple((step.call, Votes(step, run)) for step in run.steps)
        written_out = [(call, votes.add) for call, votes in self._calls]
        self._fold = unrolled(written_out, self._after_error)
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
                decision = self._surrounded(partial(self._fold, attempt, state, run), attempt, state)
            else:
                decision = self._fold(attempt, state, run)
            if monotonic() - started > self._deadline:
                return self._too_late(decision, started)
            return decision
        finally:
            run.started = 0.0

    def explain(self, attempt: Attempt, state: State) -> tuple[Decision, tuple[Vote, ...]]:
        """Decide as `decide` does, and record what each plugin did."""
        calls = self.run.calls = []
        traced = tuple((votes.step.traced(calls), votes) for _, votes in self._calls)
        self.run.started = started = monotonic()
        try:
            inner = partial(self._traced, traced, attempt, state)
            decision = self._surrounded(inner, attempt, state)
            if monotonic() - started > self._deadline:
                decision = self._too_late(decision, started)
        finally:
            self.run.started, self.run.calls = 0.0, None
        return decision, tuple(call.as_vote() for call in calls)

    @property
    def mark(self) -> Callable[[], int] | None:
        """What gives the same number as long as the same plugin runs; None with wrappers.

        It costs next to nothing: it is C code.
        """
        return None if self._wrappers else partial(attrgetter("at"), self.run)

    def abandon(self) -> None:
        """In a child that a hook has forked: call no further plugin in the attempt that runs."""
        self.run.abandoned = True
        abandon(self._fold)

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

    def _surrounded(self, inner: Inner, attempt: Attempt, state: State) -> Decision:
        """Run the wrappers around the fold, the first listed outermost."""
        for wrapper in reversed(self._wrappers):
            inner = partial(wrapper.around, inner, attempt, state, self.run)
        return inner()

    def _after_error(
        self, error: BaseException, attempt: Attempt, decision: Decision, state: State
    ) -> Decision:
        """Go on behind a plugin that has failed, if its policy says so."""
        at = self.run.at
        if not self.run.failed(self._calls[at][1].step, error).skipped:
            return TEMPFAIL
        return self._looped(self._calls, attempt, decision, state, at + 1)

    def _traced(self, calls: Calls, attempt: Attempt, state: State) -> Decision:
        """Fold what is recorded, and record what the decision was after each call."""
        decision = self._looped(calls, attempt, NORMAL, state)
        link(self.run.calls or (), decision)
        return decision

    @calls_plugins
    def _looped(
        self, calls: Calls, attempt: Attempt, decision: Decision, state: State, first: int = 0
    ) -> Decision:
        """Do what the unrolled fold does, from some plugin on."""
        run = self.run
        for run.at in range(first, len(calls)):
            if run.abandoned:
                break
            call, votes = calls[run.at]
            try:
                vote = call(attempt, decision, state)
                if vote is not None and vote is not decision:
                    decision = votes.add(vote, decision)
            except BaseException as error:  # noqa: BLE001  (whatever a plugin raises is a temp-fail)
                if not run.failed(votes.step, error).skipped:
                    return TEMPFAIL
        return decision
