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
from hookframe.chain.codegen import abandon, find_frame, find_position, generate_fold
from hookframe.chain.deadline import make_deadline_error
from hookframe.chain.fold import VoteCache
from hookframe.chain.member import Invocation, Member, Run, make_error
from hookframe.chain.trace import link
from hookframe.chain.wrappers import Inner, Wrapper

if TYPE_CHECKING:
    from types import TracebackType

    from hookframe.api.attempt import Attempt
    from hookframe.api.decision import Decision
    from hookframe.api.hookspecs import State, Vote
    from hookframe.config.plugin_policy import Policy
    from hookframe.plugins.plugin import Plugin

_WHOLE_CHAIN: Final = Origin("chain")
"""What an overrun of the whole chain's deadline is attributed to."""


Calls = tuple[tuple[Invocation, VoteCache], ...]
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
        all_members = [Member.build(plugin, policy, run) for plugin, policy in members]
        self.plugins = tuple(plugin for plugin, _ in members)
        policies = [member for member in all_members if not member.plugin.wrapper]
        self._calls = tuple((member.call, VoteCache(member, run)) for member in policies)
        steps = [(call, cache.add) for call, cache in self._calls]
        self._generated = generate_fold(steps, self._continue_after_error)
        run.find_running = self._find_running
        self._wrappers = tuple(Wrapper(member) for member in all_members if member.plugin.wrapper)
        self._deadline = run.deadline
        self.fold: Callable[[Attempt, State], Decision] = (
            self._run_wrapped if self._wrappers else self._generated
        )
        """calls every plugin and wrapper; it never raises, and looks at no clock"""
        own = (policy.deadline for _, policy in members)
        self.shortest = min([self._deadline, *(each for each in own if each is not None)])
        """the shortest deadline, the chain's or a plugin's, in seconds; infinite without any"""

    def explain(self, attempt: Attempt, state: State) -> tuple[Decision, tuple[Vote, ...]]:
        """Decide as `fold` does, within the deadline, and record what each plugin did."""
        calls = self.run.calls = []
        traced = tuple((cache.member.build_traced_call(calls), cache) for _, cache in self._calls)
        self.run.started = started = monotonic()
        try:
            inner = partial(self._fold_traced, traced, attempt, state)
            decision = self._run_wrappers(inner, attempt, state)
            if monotonic() - started > self._deadline:
                decision = self.fail_late(decision, started)
        finally:
            self.run.started, self.run.calls = 0.0, None
        return decision, tuple(call.as_vote() for call in calls)

    @property
    def mark(self) -> Callable[[], int] | None:
        """What gives the same number as long as the same plugin runs; None where nothing does.

        It costs next to nothing: it is C code.
        """
        frame = None if self.run.member else find_frame(self._generated)
        return partial(attrgetter("f_lineno"), frame) if frame is not None else None

    def _find_running(self) -> Member | None:
        """Say which plugin the unrolled fold is calling."""
        frame = find_frame(self._generated)
        return None if frame is None else self._calls[find_position(frame.f_lineno)][1].member

    def abandon(self) -> None:
        """In a child that a hook has forked: call no further plugin in the attempt that runs."""
        self.run.abandoned = True
        abandon(self._generated)

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
        error = make_deadline_error(monotonic() - started, self._deadline, whole=True, how=how)
        run.events.append(Failure(make_error(origin, error), skipped=False))
        return TEMPFAIL

    def _run_wrapped(self, attempt: Attempt, state: State) -> Decision:
        return self._run_wrappers(partial(self._generated, attempt, state), attempt, state)

    def _run_wrappers(self, inner: Inner, attempt: Attempt, state: State) -> Decision:
        """Run the wrappers around the fold, the first listed outermost."""
        for wrapper in reversed(self._wrappers):
            inner = partial(wrapper.run_around, inner, attempt, state, self.run)
        return inner()

    def _continue_after_error(
        self, error: BaseException, attempt: Attempt, decision: Decision, state: State
    ) -> Decision:
        """Go on behind a plugin that has failed, if its policy says so."""
        # Its first entry is where the fold is. The error itself may say anything of its traceback.
        traceback = cast("TracebackType", sys.exc_info()[2])
        at = find_position(traceback.tb_lineno)
        member = self.run.member = self._calls[at][1].member
        failed = self.run.record_failure(member, error)
        self.run.member = None
        if not failed.skipped:
            return TEMPFAIL
        return self._fold_in_loop(self._calls, attempt, decision, state, at + 1)

    def _fold_traced(self, calls: Calls, attempt: Attempt, state: State) -> Decision:
        """Fold what is recorded, and record what the decision was after each call."""
        decision = self._fold_in_loop(calls, attempt, NORMAL, state)
        link(self.run.calls or (), decision)
        return decision

    @calls_plugins
    def _fold_in_loop(
        self, calls: Calls, attempt: Attempt, decision: Decision, state: State, first: int = 0
    ) -> Decision:
        """Do what the unrolled fold does, from some plugin on."""
        run = self.run
        for call, cache in calls[first:]:
            if run.abandoned:
                break
            run.member = cache.member
            try:
                vote = call(attempt, decision, state)
                if vote is not None and vote is not decision:
                    decision = cache.add(vote, decision)
            except BaseException as error:  # noqa: BLE001  (whatever a plugin raises is a temp-fail)
                if not run.record_failure(cache.member, error).skipped:
                    decision = TEMPFAIL
                    break
        run.member = None
        return decision
