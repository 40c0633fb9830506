"""The harness: builds one plugin as a host does, and calls it with one case at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Final

from hookframe.api.attempt import read_only_attempt
from hookframe.api.errors import Origin, PluginError
from hookframe.api.events import Failure
from hookframe.api.readonly import freeze
from hookframe.chain.chain import Chain
from hookframe.config.plugin_policy import Policy
from hookframe.host.builder import Builder
from hookframe.host.generation import Generation
from hookframe.host.source import GivenConfig
from hookframe.plugins.plugin import Plugin
from hookframe_devkit.conformance.checks.cases import FAILED, Case
from hookframe_devkit.conformance.probes.blocking import Blocked

if TYPE_CHECKING:
    from hookframe.api.attempt import Attempt
    from hookframe.api.decision import Decision
    from hookframe.api.hookspecs import State, Vote
    from hookframe_devkit.conformance.targets import Target

_MOST_VOTES: Final = 2


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one call.

    Args:
        vote: the checked return value; None for no change.
        error: its error.
        invalid: whether that is an invalid return value.
        blocked: whether the call was ended because it would have blocked.
        nanoseconds: its time.
        decision: the decision of the chain.
        trace: the vote of each plugin.
    """

    vote: Mapping[str, Any] | None
    error: PluginError | None
    invalid: bool
    blocked: bool
    nanoseconds: int
    decision: Decision
    trace: tuple[Vote, ...]

    @property
    def cause(self) -> BaseException | None:
        """The exception behind the error."""
        return self.error.cause if self.error is not None else None

    @property
    def answer(self) -> object:
        """The vote and the error text: equal for equal input, if the plugin is pure."""
        return self.vote, self.error.text if self.error is not None else None


class _Before:
    """A plugin before the checked one; it returns a given vote."""

    def __init__(self, number: int) -> None:
        self.vote: Mapping[str, str] | None = None
        self.plugin = Plugin(Origin(f"before-{number}"), self, decide=self._decide)

    def _decide(self, *_: object) -> Mapping[str, str] | None:
        if self.vote is FAILED[0]:
            raise RuntimeError("a plugin before this one fails")
        return self.vote


class Harness:
    """The plugin in a chain, after plugins that return any votes.

    Args:
        target: the plugin to build.
    """

    def __init__(self, target: Target) -> None:
        self._target = target
        self._errors: list[PluginError] = []
        self._builder = Builder(self._errors.append)
        self._generation: Generation | None = None
        self._before = tuple(map(_Before, range(_MOST_VOTES)))
        self._chain = Chain()
        self.generations = 0
        """how many have been built"""

    def build(self) -> Plugin:
        """Build the next generation, as a host does.

        Returns:
            The plugin.

        Raises:
            ChainError: it can't be loaded, or refuses its settings.
        """
        config = self._target.policy
        policy_files = GivenConfig(config).read()
        old = self._generation
        generation = self._builder.load(policy_files, self.generations + 1, old)
        if old is not None and old.shares(generation.plugins):
            self._builder.close(old.plugins)
            old = None
        self._builder.configure(generation)
        self.generations += 1
        self._generation = generation
        if old is not None:
            self._builder.close(old.plugins)
        plugin = generation.plugins[0]
        members = [(each.plugin, Policy()) for each in self._before]
        self._chain = Chain([*members, (plugin, Policy())])
        return plugin

    @property
    def plugin(self) -> Plugin:
        """The plugin of the last generation."""
        if self._generation is None:
            raise RuntimeError("nothing has been built yet")
        return self._generation.plugins[0]

    @property
    def alone(self) -> Chain:
        """A chain of the plugin alone."""
        return Chain([(self.plugin, Policy())])

    def ask(self, case: Case, state: State) -> Outcome:
        """Call the plugin in a chain, after the votes of the case.

        Args:
            case: the case.
            state: the state of the generation.
        """
        for number, before in enumerate(self._before):
            before.vote = case.votes[number] if number < len(case.votes) else None
        attempt = read_only_attempt(case.attempt)
        started = perf_counter_ns()
        decision, trace = self._chain.explain(attempt, state)
        nanoseconds = perf_counter_ns() - started
        events, self._chain.run.events = self._chain.run.events, []
        own = [each for each in events if isinstance(each, Failure) and self._is_own(each)]
        failure = own[0] if own else None
        error = failure.error if failure else None
        cause = error.cause if error else None
        vote = trace[-1]["vote"] if trace and trace[-1]["plugin"] == self.plugin.name else None
        return Outcome(
            vote=vote,
            error=error,
            invalid=failure is not None and failure.kind == "invalid_return",
            blocked=isinstance(cause, Blocked),
            nanoseconds=nanoseconds,
            decision=decision,
            trace=trace,
        )

    def show(self, case: Case, outcome: Outcome) -> BaseException | None:
        """Call the plugin's `decided`, as a host does; return its exception."""
        decided = self.plugin.decided
        if decided is None:
            return None
        attempt, decision = read_only_attempt(case.attempt), freeze(outcome.decision)
        return _raised(lambda: decided(attempt, decision, freeze(outcome.trace)))

    def close(self) -> list[PluginError]:
        """Close the plugin, as a host does at its end.

        Returns:
            The errors.
        """
        if self._generation is not None:
            self._builder.close(self._generation.plugins)
        self._generation = None
        errors, self._errors[:] = list(self._errors), []
        return errors

    def remarks(self) -> BaseException | None:
        """Call its `remarks`; return its exception."""
        remarks = self.plugin.remarks
        return None if remarks is None else _raised(lambda: list(remarks()))

    def _is_own(self, failure: Failure) -> bool:
        return failure.error.origin == self.plugin.origin


def _raised(call: Callable[[], object]) -> BaseException | None:
    try:
        call()
    except BaseException as error:  # noqa: BLE001  (a plugin may raise anything)
        return error
    return None


def ask_directly(plugin: Plugin, attempt: Attempt, decision: Decision, state: State) -> None:
    """Call the plugin with these very objects; ignore its exception.

    Args:
        plugin: the plugin.
        attempt: the attempt.
        decision: the accumulated decision, or the decision of a wrapper's chain.
        state: the state.
    """
    if not plugin.wrapper:
        _raised(lambda: plugin.decide(attempt, decision, state))
        return
    from hookframe.chain.member import AttemptRun, Member  # noqa: PLC0415
    from hookframe.chain.wrappers import Wrapper  # noqa: PLC0415

    run = AttemptRun()
    Wrapper(Member(plugin, Policy(), run), lambda *_: decision, run).decide(attempt, state)
