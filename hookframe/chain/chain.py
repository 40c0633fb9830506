"""The chain: plugins in the operator's order, compiled once, folded into one decision.

pluggy finds and marks the hooks and runs the wrappers; the fold itself is hookframe's, because
pluggy calls every implementation with the same arguments and does not say who answered.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from operator import attrgetter
from time import monotonic
from typing import TYPE_CHECKING, Final, cast

from hookframe.api.decision import NORMAL, TEMPFAIL
from hookframe.api.errors import Origin
from hookframe.api.events import Failure
from hookframe.api.plugin_code import calls_plugins
from hookframe.chain.codegen import abandon, find_frame, place_of, unrolled
from hookframe.chain.deadline import exceeded
from hookframe.chain.fold import Votes
from hookframe.chain.member import Invocation, Run, Step, failure
from hookframe.chain.trace import link
from hookframe.chain.wrappers import Inner, Wrapper

if TYPE_CHECKING:
    from types import TracebackType

    from hookframe.api.attempt import Attempt
    from hookframe.api.decision import Decision
    from hookframe.api.hookspecs import State, Vote
    from hookframe.config.plugin_policy import Policy
    from hookframe.plugins.plugin import Plugin

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
        policies = [step for step in steps if not step.plugin.wrapper]
        self._calls = tuple((step.call, Votes(step, run)) for step in policies)
        written_out = [(call, votes.add) for call, votes in self._calls]
        self._unrolled = unrolled(written_out, self._after_error)
        run.unrolled = self._running
        self._wrappers = tuple(Wrapper(step) for step in steps if step.plugin.wrapper)
        self._deadline = run.deadline
        self.fold: Callable[[Attempt, State], Decision] = (
            self._wrapped if self._wrappers else self._unrolled
        )
        """calls every plugin and wrapper; it never raises, and looks at no clock"""
        own = (policy.deadline for _, policy in members)
        self.shortest = min([self._deadline, *(each for each in own if each is not None)])
        """the shortest deadline, the chain's or a plugin's, in seconds; infinite without any"""

    def explain(self, attempt: Attempt, state: State) -> tuple[Decision, tuple[Vote, ...]]:
        """Decide as `fold` does, within the deadline, and record what each plugin did."""
        calls = self.run.calls = []
        traced = tuple((votes.step.traced(calls), votes) for _, votes in self._calls)
        self.run.started = started = monotonic()
        try:
            inner = partial(self._traced, traced, attempt, state)
            decision = self._surrounded(inner, attempt, state)
            if monotonic() - started > self._deadline:
                decision = self.too_late(decision, started)
        finally:
            self.run.started, self.run.calls = 0.0, None
        return decision, tuple(call.as_vote() for call in calls)

    @property
    def mark(self) -> Callable[[], int] | None:
        """What gives the same number as long as the same plugin runs; None where nothing does.

        It costs next to nothing: it is C code.
        """
        frame = None if self.run.step else find_frame(self._unrolled)
        return partial(attrgetter("f_lineno"), frame) if frame is not None else None

    def _running(self) -> Step | None:
        """Say which plugin the unrolled fold is calling."""
        frame = find_frame(self._unrolled)
        return None if frame is None else self._calls[place_of(frame.f_lineno)][1].step

    def abandon(self) -> None:
        """In a child that a hook has forked: call no further plugin in the attempt that runs."""
        self.run.abandoned = True
        abandon(self._unrolled)

    def too_late(self, decision: Decision, started: float) -> Decision:
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

    def _wrapped(self, attempt: Attempt, state: State) -> Decision:
        return self._surrounded(partial(self._unrolled, attempt, state), attempt, state)

    def _surrounded(self, inner: Inner, attempt: Attempt, state: State) -> Decision:
        """Run the wrappers around the fold, the first listed outermost."""
        for wrapper in reversed(self._wrappers):
            inner = partial(wrapper.around, inner, attempt, state, self.run)
        return inner()

    def _after_error(
        self, error: BaseException, attempt: Attempt, decision: Decision, state: State
    ) -> Decision:
        """Go on behind a plugin that has failed, if its policy says so."""
        # Its first entry is where the fold is. The error itself may say anything of its traceback.
        traceback = cast("TracebackType", sys.exc_info()[2])
        at = place_of(traceback.tb_lineno)
        step = self.run.step = self._calls[at][1].step
        failed = self.run.failed(step, error)
        self.run.step = None
        if not failed.skipped:
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
        for call, votes in calls[first:]:
            if run.abandoned:
                break
            run.step = votes.step
            try:
                vote = call(attempt, decision, state)
                if vote is not None and vote is not decision:
                    decision = votes.add(vote, decision)
            except BaseException as error:  # noqa: BLE001  (whatever a plugin raises is a temp-fail)
                if not run.failed(votes.step, error).skipped:
                    decision = TEMPFAIL
                    break
        run.step = None
        return decision
