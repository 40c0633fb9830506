"""One plugin of the chain with its policy and its call, and the state of a running attempt."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from time import monotonic, perf_counter_ns
from typing import TYPE_CHECKING, Any

from hookframe.api.errors import DeadlineExceeded, InvalidDecision, Origin, PluginError
from hookframe.api.events import HOOK, Failure, ShadowVote
from hookframe.api.plugin_code import calls_plugins
from hookframe.chain.deadline import DeadlineClock, check_deadline
from hookframe.chain.fold import VoteCache, check_vote
from hookframe.chain.stats import Statistics
from hookframe.chain.trace import Call
from hookframe.log.exceptions import describe

if TYPE_CHECKING:
    from hookframe.api.attempt import Attempt
    from hookframe.api.decision import Decision
    from hookframe.api.hookspecs import State
    from hookframe.config.plugin_policy import Policy
    from hookframe.plugins.plugin import Plugin

Invocation = Callable[["Attempt", "Decision", "State"], Any]
"""Calls one plugin, with exactly three arguments."""


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A plugin and its policy, ready to be called in an attempt."""

    plugin: Plugin
    policy: Policy
    call: Invocation
    votes: VoteCache

    @classmethod
    def build(cls, plugin: Plugin, policy: Policy, run: AttemptRun) -> Member:
        """Build a member whose call is timed only if its policy sets a deadline."""
        call = _add_deadline(plugin.decide, policy.deadline, run)
        return cls(plugin, policy, call, VoteCache(plugin, policy, run))

    def with_trace(self, run: AttemptRun) -> Member:
        """Return a copy whose call records itself in `run.calls`."""

        @calls_plugins
        def call(attempt: Attempt, decision: Decision, state: State) -> Decision | None:
            record = Call(self.plugin.origin, self.policy.mode, decision)
            if run.calls is not None:
                run.calls.append(record)
            started = perf_counter_ns()
            try:
                returned = self.call(attempt, decision, state)
            finally:
                record.nanoseconds = perf_counter_ns() - started
            if returned is not None and returned is not decision:
                record.vote = check_vote(returned, self.policy)
            return record.vote

        return replace(self, call=call)

    def skips(self, error: BaseException) -> bool:
        """Return whether the chain continues after an error of the plugin."""
        # When the whole chain's time is over, none is left for the other plugins.
        over = type(error) is DeadlineExceeded and error.whole
        return self.policy.skips_errors and not over


def make_error(
    origin: Origin, error: BaseException, file: str = "", hook: str = HOOK
) -> PluginError:
    """Build the PluginError of a failed call, worded for the log.

    Args:
        origin: the plugin.
        error: the exception that it raised, or the InvalidDecision of its return value.
        file: the file that defines its hook.
        hook: the hook, as the log calls it.
    """
    if type(error) is InvalidDecision:  # ours: a plugin may raise what looks like one
        text = f"Invalid return from {hook}: {error}"
    else:
        text = f"Exception running {hook}: {describe(error, file)}"
    return PluginError(origin, "attempt" if hook == HOOK else "observe", text, error)


class AttemptRun(DeadlineClock):
    """State of the running attempt of a chain: its events, its member, its deadlines.

    Args:
        deadline: the longest time of one attempt, in seconds.
    """

    __slots__ = (
        "calls",
        "events",
        "member",
        "statistics",
        "unresponsive",
    )

    def __init__(self, deadline: float = inf) -> None:
        super().__init__(deadline)
        self.events: list[Failure | ShadowVote] = []
        """failures and shadow votes of the attempt"""
        self.calls: list[Call] | None = None
        """one record for each plugin while the attempt is traced, else None"""
        self.member: Member | None = None
        """the plugin being called, to which output and errors are attributed"""
        self.unresponsive: Member | None = None
        """the plugin that was interrupted last, and still runs"""
        self.statistics = Statistics()
        """counts votes and errors; a host sets its own"""

    def build_interruption(self, now: float) -> DeadlineExceeded:
        """Build the error that ends the running plugin, and record which one that is."""
        self.unresponsive = self.member
        return super().build_interruption(now)

    def record_failure(self, member: Member, error: BaseException) -> Failure:
        """Record and return the failure of a plugin; `skipped` if the chain continues."""
        plugin = member.plugin
        failure = Failure(make_error(plugin.origin, error, plugin.file), member.skips(error))
        self.events.append(failure)
        self.unresponsive = None
        self.statistics.count_error(plugin.name)
        if self.calls:
            self.calls[-1].error = failure.error.text
        return failure


def _add_deadline(
    call: Callable[..., Any], deadline: float | None, clock: DeadlineClock
) -> Callable[..., Any]:
    if deadline is None:
        return call

    @calls_plugins
    def timed(attempt: Attempt, decision: Decision, state: State) -> Any:
        started = monotonic()
        clock.call = (started, deadline)
        try:
            returned = call(attempt, decision, state)
        finally:
            clock.call = None
        check_deadline(monotonic() - started, deadline)
        return returned

    return timed
