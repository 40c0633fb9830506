"""A wrapper around the chain: pluggy runs it, hookframe checks what it makes of the decision."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, perf_counter_ns
from types import MappingProxyType, ModuleType
from typing import TYPE_CHECKING, Any, Final, cast

import pluggy

from hookframe.api import hookspecs
from hookframe.api.decision import NORMAL, SUMS, TEMPFAIL
from hookframe.api.events import ShadowVote
from hookframe.api.hookspecs import PROJECT, hookimpl
from hookframe.api.plugin_code import calls_plugins
from hookframe.chain.deadline import check_deadline
from hookframe.chain.member import Run
from hookframe.chain.trace import Call
from hookframe.plugins.plugin import MAIN_HOOK

if TYPE_CHECKING:
    from hookframe.api.attempt import Attempt
    from hookframe.api.decision import Decision
    from hookframe.api.hookspecs import State
    from hookframe.chain.member import Step
    from hookframe.plugins.plugin import Plugin

NANOSECONDS_PER_SECOND: Final = 1_000_000_000
Inner = Callable[[], "Decision"]


class _Around:
    """A plugin's wrapper alone: pluggy compares what it registers, and its object may equal any."""

    def __init__(self, plugin: Plugin) -> None:
        self.pre_delivery_attempt = getattr(plugin.subject, MAIN_HOOK)


class _Manager(pluggy.PluginManager):
    """pluggy without its warnings of deprecated hooks: the log has them, with the plugin's name."""

    def parse_hookspec_opts(
        self, module_or_class: ModuleType | type, name: str
    ) -> pluggy.HookspecOpts | None:
        marks = super().parse_hookspec_opts(module_or_class, name)
        return marks and {**marks, "warn_on_impl": None, "warn_on_impl_args": None}


class Wrapper:
    """One wrapper and what it surrounds, as two plugins of a pluggy manager of their own."""

    def __init__(self, step: Step) -> None:
        self._step = step
        self._run = Run()
        self._inner: Inner = lambda: NORMAL
        self._inside: Decision | None = None
        self._inside_nanoseconds = 0
        self._began = 0.0
        manager = _Manager(PROJECT)
        manager.add_hookspecs(hookspecs)
        manager.register(self, name="(the chain inside)")
        manager.register(_Around(step.plugin), name=step.plugin.name)
        self._hook = manager.hook.pre_delivery_attempt

    @hookimpl
    def pre_delivery_attempt(self) -> Decision:
        """Run what the wrapper surrounds, at its `yield`."""
        started = perf_counter_ns()
        self._run.step = self._run.call = None
        self._inside = self._inner()
        self._run.step = self._step
        self._inside_nanoseconds = perf_counter_ns() - started
        self._watch_own_time()
        return self._inside

    def around(self, inner: Inner, attempt: Attempt, state: State, run: Run) -> Decision:
        """Run the wrapper around the rest of the chain.

        A temp-fail from inside stays one, whatever the wrapper makes of it.

        Args:
            inner: the rest of the chain; it never raises.
            attempt: the attempt.
            state: the generation's state.
            run: takes what goes on beside the decision.

        Returns:
            The decision: the wrapper's own, or the inner one where it has nothing to say.
        """
        self._inner, self._inside, self._run = inner, None, run
        run.step = self._step
        self._inside_nanoseconds = 0
        self._began = monotonic()
        started = perf_counter_ns()
        vote, error = None, None
        try:
            vote = self._vote(attempt, state)
        except BaseException as raised:  # noqa: BLE001  (whatever a plugin raises is a temp-fail)
            error = raised
        own = perf_counter_ns() - started - self._inside_nanoseconds
        inside = self._inside
        if inside is None:  # it failed before its yield: the chain stops there, unless skipped
            skipped = error is not None and self._step.skips(error)
            inside = inner() if skipped else NORMAL
        call = Call(self._step.plugin.origin, self._step.policy.mode, inside)
        call.vote, call.nanoseconds = vote, own
        if run.calls is not None:
            run.calls.append(call)
        call.after = self._outcome(inside, vote, error, run)
        run.step = None
        return call.after

    def _watch_own_time(self) -> None:
        """Have a deadline of the wrapper's own watched; the chain inside does not count for it."""
        deadline = self._step.policy.deadline
        if deadline is not None:
            inside = self._inside_nanoseconds / NANOSECONDS_PER_SECOND
            self._run.call = (self._began + inside, deadline)

    @calls_plugins
    def _vote(self, attempt: Attempt, state: State) -> Decision | None:
        """Call the wrapper; None where it leaves the inner decision alone."""
        started = perf_counter_ns()
        self._watch_own_time()
        try:
            returned: Any = self._hook(attempt=attempt, decision=NORMAL, state=state)
        finally:
            self._run.call = None
        deadline = self._step.policy.deadline
        if deadline is not None:
            own = perf_counter_ns() - started - self._inside_nanoseconds
            check_deadline(own / NANOSECONDS_PER_SECOND, deadline)
        if returned is None or self._inside is TEMPFAIL or returned == self._inside:
            return None
        return cast("Decision", MappingProxyType(self._step.checked(returned, SUMS)))

    def _outcome(
        self, inside: Decision, vote: Decision | None, error: BaseException | None, run: Run
    ) -> Decision:
        if error is not None and not run.failed(self._step, error).skipped:
            return TEMPFAIL
        if vote is None:
            return inside
        run.statistics.voted(self._step.plugin.name, vote["action"])
        if self._step.policy.shadow:
            run.events.append(ShadowVote(self._step.plugin.origin, vote))
            return inside
        return vote
