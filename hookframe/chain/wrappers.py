"""Wrappers around the chain: pluggy runs them, hookframe checks the decision they return."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, perf_counter_ns
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, Final, cast

import pluggy

from hookframe.api import hookspecs
from hookframe.api.decision import ACCUMULATED_ACTIONS, NORMAL, TEMPFAIL
from hookframe.api.events import ShadowVote
from hookframe.api.hookspecs import PROJECT, hookimpl
from hookframe.api.plugin_code import calls_plugins
from hookframe.chain.deadline import check_deadline
from hookframe.chain.fold import check_vote
from hookframe.chain.member import AttemptRun
from hookframe.chain.trace import Call
from hookframe.plugins.plugin import MAIN_HOOK

if TYPE_CHECKING:
    from hookframe.api.attempt import Attempt
    from hookframe.api.decision import Decision
    from hookframe.api.hookspecs import State
    from hookframe.chain.member import Member
    from hookframe.plugins.plugin import Plugin

NANOSECONDS_PER_SECOND: Final = 1_000_000_000
Inner = Callable[[], "Decision"]


class _WrapperHook:
    """A wrapper alone: pluggy compares registered objects, and a plugin's may equal any."""

    def __init__(self, plugin: Plugin) -> None:
        self.pre_delivery_attempt = getattr(plugin.subject, MAIN_HOOK)


class _Manager(pluggy.PluginManager):
    """pluggy without its deprecation warnings: the log has them, with the plugin's name."""

    def parse_hookspec_opts(
        self, module_or_class: ModuleType | type, name: str
    ) -> pluggy.HookspecOpts | None:
        marks = super().parse_hookspec_opts(module_or_class, name)
        return marks and {**marks, "warn_on_impl": None, "warn_on_impl_args": None}


class Wrapper:
    """One wrapper and the chain inside it, as two plugins of their own pluggy manager."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._run = AttemptRun()
        self._inner: Inner = lambda: NORMAL
        self._inside: Decision | None = None
        self._inside_nanoseconds = 0
        self._started_at = 0.0
        manager = _Manager(PROJECT)
        manager.add_hookspecs(hookspecs)
        manager.register(self, name="(the chain inside)")
        manager.register(_WrapperHook(member.plugin), name=member.plugin.name)
        self._hook = manager.hook.pre_delivery_attempt

    @hookimpl
    def pre_delivery_attempt(self) -> Decision:
        """Run the chain inside, at the wrapper's `yield`."""
        started = perf_counter_ns()
        self._run.member = self._run.call = None
        self._inside = self._inner()
        self._run.member = self._member
        self._inside_nanoseconds = perf_counter_ns() - started
        self._start_own_deadline()
        return self._inside

    def run_around(self, inner: Inner, attempt: Attempt, state: State, run: AttemptRun) -> Decision:
        """Run the wrapper around the rest of the chain.

        A temp-fail from inside stays one, whatever the wrapper returns.

        Args:
            inner: the rest of the chain; it never raises.
            attempt: the attempt.
            state: the generation's state.
            run: the running attempt.

        Returns:
            The wrapper's decision, or the inner one if it changes nothing.
        """
        self._inner, self._inside, self._run = inner, None, run
        run.member = self._member
        self._inside_nanoseconds = 0
        self._started_at = monotonic()
        started = perf_counter_ns()
        vote, error = None, None
        try:
            vote = self._call_wrapper(attempt, state)
        except BaseException as raised:  # noqa: BLE001  (whatever a plugin raises is a temp-fail)
            error = raised
        own = perf_counter_ns() - started - self._inside_nanoseconds
        inside = self._inside
        if inside is None:  # it failed before its yield: the chain stops there, unless skipped
            skipped = error is not None and self._member.skips(error)
            inside = inner() if skipped else NORMAL
        call = Call(self._member.plugin.origin, self._member.policy.mode, inside)
        call.vote, call.nanoseconds = vote, own
        if run.calls is not None:
            run.calls.append(call)
        call.after = self._choose_decision(inside, vote, error, run)
        run.member = None
        return call.after

    def _start_own_deadline(self) -> None:
        """Start the wrapper's own deadline; time spent in the inner chain does not count."""
        deadline = self._member.policy.deadline
        if deadline is not None:
            inside = self._inside_nanoseconds / NANOSECONDS_PER_SECOND
            self._run.call = (self._started_at + inside, deadline)

    @calls_plugins
    def _call_wrapper(self, attempt: Attempt, state: State) -> Decision | None:
        """Call the wrapper; None if it keeps the inner decision."""
        member = self._member
        started = perf_counter_ns()
        self._start_own_deadline()
        try:
            returned: Any = self._hook(attempt=attempt, decision=NORMAL, state=state)
        finally:
            self._run.call = None
        deadline = member.policy.deadline
        if deadline is not None:
            own = perf_counter_ns() - started - self._inside_nanoseconds
            check_deadline(own / NANOSECONDS_PER_SECOND, deadline)
        if returned is None or self._inside is TEMPFAIL or returned == self._inside:
            return None
        vote = check_vote(returned, member.policy, ACCUMULATED_ACTIONS)
        return cast("Decision", MappingProxyType(vote))

    def _choose_decision(
        self, inside: Decision, vote: Decision | None, error: BaseException | None, run: AttemptRun
    ) -> Decision:
        if error is not None and not run.record_failure(self._member, error).skipped:
            return TEMPFAIL
        if vote is None:
            return inside
        run.statistics.count_vote(self._member.plugin.name, vote["action"])
        if self._member.policy.shadow:
            run.events.append(ShadowVote(self._member.plugin.origin, vote))
            return inside
        return vote
