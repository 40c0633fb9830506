"""One plugin of the chain with its policy and its call, and the state of a running attempt."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Any

from hookframe.api.errors import DeadlineExceeded, InvalidDecision, Origin, PluginError
from hookframe.api.events import HOOK, Failure, ShadowVote
from hookframe.api.plugin_code import calls_plugins
from hookframe.chain.deadline import DeadlineClock, check_deadline
from hookframe.chain.fold import ShadowVotes, VoteCache
from hookframe.chain.stats import Statistics
from hookframe.log.exceptions import describe

if TYPE_CHECKING:
    from hookframe.api.attempt import Attempt
    from hookframe.api.decision import Decision
    from hookframe.api.hookspecs import State
    from hookframe.config.plugin_policy import Policy
    from hookframe.log.rate import LineLimit
    from hookframe.plugins.plugin import Plugin

Invocation = Callable[["Attempt", "Decision", "State"], Any]
"""Calls one plugin, with exactly three arguments."""


class Member:
    """A plugin and its policy, ready to be called in an attempt.

    Args:
        plugin: the plugin.
        policy: its policy.
        run: the running attempt of its chain.
    """

    __slots__ = ("add", "call", "plugin", "policy", "votes")

    def __init__(self, plugin: Plugin, policy: Policy, run: AttemptRun) -> None:
        self.plugin = plugin
        self.policy = policy
        self.call: Invocation = _add_deadline(plugin.decide, policy.deadline, run)
        """calls the plugin; it is timed only if the policy sets a deadline"""
        self.votes = ShadowVotes(self, run) if policy.shadow else VoteCache(self, run)
        self.add: Callable[[Any, Decision], Decision] = self.votes.add
        """adds a vote of the plugin to the decision so far"""

    @property
    def name(self) -> str:
        """The plugin's name in the chain."""
        return self.plugin.name

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

    __slots__ = ("events", "limit", "statistics", "unresponsive")

    def __init__(self, deadline: float = inf) -> None:
        super().__init__(deadline)
        self.events: list[Failure | ShadowVote] = []
        """failures and shadow votes of the attempt"""
        self.unresponsive: Member | None = None
        """the plugin that was interrupted last, and still runs"""
        self.statistics = Statistics()
        """counts votes and errors; a host sets its own"""
        self.limit: LineLimit | None = None
        """limits the log lines of each plugin in shadow mode; a host sets its own"""

    def record_failure(self, member: Member, error: BaseException) -> Failure:
        """Record and return the failure of a plugin; `skipped` if the chain continues."""
        plugin = member.plugin
        failure = Failure(make_error(plugin.origin, error, plugin.file), member.skips(error))
        self.events.append(failure)
        self.unresponsive = None
        self.statistics.count_error(plugin.name, failure.error.text)
        return failure


def _add_deadline(
    call: Callable[..., Any], deadline: float | None, clock: DeadlineClock
) -> Callable[..., Any]:
    if deadline is None:
        return call

    @calls_plugins
    def timed(attempt: Attempt, decision: Decision, state: State) -> Any:
        started = monotonic()
        clock.begin_call(started, deadline)
        try:
            returned = call(attempt, decision, state)
        finally:
            clock.end_call()
        check_deadline(monotonic() - started, deadline)
        return returned

    return timed
