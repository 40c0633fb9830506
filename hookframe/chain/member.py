"""One plugin of the chain with its policy, compiled into a call; and what goes wrong in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import inf
from time import monotonic, perf_counter_ns
from typing import TYPE_CHECKING, Any

from hookframe.api.decision import ACTIONS, check_decision
from hookframe.api.errors import DeadlineExceeded, InvalidDecision, Origin, PluginError
from hookframe.api.events import HOOK, Failure, ShadowVote
from hookframe.api.plugin_code import calls_plugins
from hookframe.chain.deadline import Clock, check_deadline
from hookframe.chain.stats import Statistics
from hookframe.chain.trace import Call
from hookframe.log.exceptions import describe

if TYPE_CHECKING:
    from hookframe.api.attempt import Attempt
    from hookframe.api.decision import Action, Decision
    from hookframe.api.hookspecs import State
    from hookframe.config.plugin_policy import Policy
    from hookframe.plugins.plugin import Plugin

Invocation = Callable[["Attempt", "Decision", "State"], Any]
"""Calls one plugin, with exactly three arguments."""


@dataclass(frozen=True, slots=True)
class Member:
    """A plugin and its policy, ready to be called in an attempt."""

    plugin: Plugin
    policy: Policy
    call: Invocation

    @classmethod
    def build(cls, plugin: Plugin, policy: Policy, clock: Clock) -> Member:
        """Make the step of a plugin, timed only where its policy sets a deadline."""
        return cls(plugin, policy, _add_deadline(plugin.decide, policy.deadline, clock))

    def build_traced_call(self, calls: list[Call]) -> Invocation:
        """Make the step's call record what it does."""

        @calls_plugins
        def call(attempt: Attempt, decision: Decision, state: State) -> Decision | None:
            record = Call(self.plugin.origin, self.policy.mode, decision)
            calls.append(record)
            started = perf_counter_ns()
            try:
                returned = self.call(attempt, decision, state)
            finally:
                record.nanoseconds = perf_counter_ns() - started
            if returned is not None and returned is not decision:
                record.vote = self.check(returned)
            return record.vote

        return call

    def skips(self, error: BaseException) -> bool:
        """Say whether the chain goes on after an error of the plugin.

        When the time of the whole chain is over, there is none left for the others.
        """
        over = type(error) is DeadlineExceeded and error.whole
        return self.policy.skips_errors and not over

    def check(self, returned: object, actions: Mapping[str, Action] = ACTIONS) -> Decision:
        """Check a return value against the schema and against the operator's `may`.

        Raises:
            InvalidDecision: one of the two does not allow it.
        """
        decision = check_decision(returned, actions)
        if not self.policy.allows(decision["action"]):
            allowed = ", ".join(sorted(self.policy.may or ()))
            raise InvalidDecision(
                f"the action {decision['action']} is not among those that the configuration "
                f"allows this plugin: may = [{allowed}]"
            )
        return decision


def make_error(
    origin: Origin, error: BaseException, file: str = "", hook: str = HOOK
) -> PluginError:
    """Put an error of one attempt into the words of the log.

    Args:
        origin: the plugin.
        error: what it raised, or what is wrong with its return value.
        file: the file in which its hook stands.
        hook: what it was doing, as the log calls it.
    """
    if type(error) is InvalidDecision:  # ours: a plugin may raise what looks like one
        text = f"Invalid return from {hook}: {error}"
    else:
        text = f"Exception running {hook}: {describe(error, file)}"
    return PluginError(origin, "attempt" if hook == HOOK else "observe", text, error)


class Run(Clock):
    """What goes on beside the decision, for one chain: it makes one call at a time.

    Args:
        deadline: the longest time of one attempt, in seconds.
    """

    __slots__ = (
        "abandoned",
        "at",
        "calls",
        "events",
        "find_running",
        "member",
        "statistics",
        "unresponsive",
    )

    def __init__(self, deadline: float = inf) -> None:
        super().__init__(deadline)
        self.events: list[Failure | ShadowVote] = []
        """failures and shadow votes of the attempt"""
        self.calls: list[Call] | None = None
        """a record a plugin where the attempt is traced"""
        self.member: Member | None = None
        """the plugin that runs, where it is not the unrolled fold that knows it"""
        self.find_running: Callable[[], Member | None] = lambda: None
        """says which plugin runs where `step` is None"""
        self.abandoned = False
        """whether no further plugin is to be called"""
        self.unresponsive: Member | None = None
        """the plugin that was interrupted last, and has not ended by that"""
        self.statistics = Statistics()
        """counts votes and errors; a host puts its own in its place"""

    @property
    def running(self) -> Member | None:
        """The plugin called last, for whoever must know whose output it reads."""
        return self.member or self.find_running()

    def interrupted(self, now: float) -> DeadlineExceeded:
        """Make the error that ends what runs, and note who it is."""
        self.unresponsive = self.running
        return super().interrupted(now)

    def record_failure(self, member: Member, error: BaseException) -> Failure:
        """Note a plugin's error; say whether the chain goes on."""
        plugin = member.plugin
        noted = Failure(make_error(plugin.origin, error, plugin.file), member.skips(error))
        self.events.append(noted)
        self.unresponsive = None
        self.statistics.count_error(plugin.name)
        if self.calls:
            self.calls[-1].error = noted.error.text
        return noted


def _add_deadline(
    call: Callable[..., Any], deadline: float | None, clock: Clock
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
