"""Wrappers around the chain: pluggy's protocol, and a check of the decision they return."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from hookframe.api.decision import ACCUMULATED_ACTIONS, NORMAL, TEMPFAIL
from hookframe.api.plugin_code import calls_plugins
from hookframe.api.readonly import make_view
from hookframe.chain.deadline import make_deadline_error
from hookframe.chain.fold import ShadowVotes, check_vote

if TYPE_CHECKING:
    from hookframe.api.attempt import Attempt
    from hookframe.api.decision import Decision
    from hookframe.api.hookspecs import State
    from hookframe.chain.member import AttemptRun, Member
    from hookframe.chain.trace import Calls

Inner = Callable[..., "Decision"]
"""Decides an attempt with a state; it records the calls if it is given a record."""


class Wrapper:
    """One wrapper around the rest of a chain.

    The generator is driven as pluggy does it, but for exceptions: none comes from inside.

    Args:
        member: the wrapper with its policy.
        inner: the rest of the chain; it never raises.
        run: the running attempt.
    """

    def __init__(self, member: Member, inner: Inner, run: AttemptRun) -> None:
        self._member = member
        self._inner = inner
        self._run = run
        self._deadline = member.policy.deadline

    @calls_plugins
    def decide(self, attempt: Attempt, state: State, calls: Calls | None = None) -> Decision:
        """Run the wrapper around the rest of the chain.

        A temp-fail from inside stays one, whatever the wrapper returns.

        Args:
            attempt: the attempt, read-only.
            state: the generation's state.
            calls: receives each call; None for no record.

        Returns:
            The wrapper's decision, or the inner one if it changes nothing.
        """
        member, deadline = self._member, self._deadline
        error, vote, inside = None, None, NORMAL
        member.votes.reason = ""
        started = self._start(0.0)
        try:
            generator = _enter(member.plugin.decide(attempt, NORMAL, state))
        except BaseException as raised:  # noqa: BLE001  (whatever a plugin raises is a temp-fail)
            error = raised
        # Its own deadline and its time in the trace leave out the chain inside.
        spent = self._stop(started)
        recorded = 0 if calls is None else calls.pause()
        if error is None or member.skips(error):
            inside = self._inner(attempt, state, calls)
        if calls is not None:
            calls.resume(recorded)
        if error is None:
            started = self._start(spent)
            try:
                vote = self._check(_leave(generator, inside), inside)
            except BaseException as raised:  # noqa: BLE001
                error = raised
            spent = self._stop(started)
            if error is None and deadline is not None and spent > deadline:
                error = make_deadline_error(spent, deadline)
        return self._finish(inside, vote, error, calls)

    def _start(self, spent: float) -> float:
        """Start its own deadline, or go on with it; return when it would have begun."""
        if self._deadline is None:
            return 0.0
        started = monotonic() - spent
        self._run.begin_call(started, self._deadline)
        return started

    def _stop(self, started: float) -> float:
        """Stop its own deadline; return the seconds that it has run."""
        if self._deadline is None:
            return 0.0
        self._run.end_call()
        return monotonic() - started

    @calls_plugins
    def _check(self, returned: object, inside: Decision) -> Decision | None:
        """Check what the wrapper returned; None if it keeps the inner decision."""
        if returned is None or returned is inside or inside is TEMPFAIL or returned == inside:
            return None
        vote, self._member.votes.reason = check_vote(
            returned, self._member.policy, ACCUMULATED_ACTIONS
        )
        return vote

    def _finish(
        self,
        inside: Decision,
        vote: Decision | None,
        error: BaseException | None,
        calls: Calls | None,
    ) -> Decision:
        """Count and record what the wrapper did; return the decision."""
        member, after, text = self._member, inside, None
        if error is not None:
            failure = self._run.record_failure(member, error)
            after, text = inside if failure.skipped else TEMPFAIL, failure.error.text
        elif vote is not None:
            member.votes.vote = vote
            self._run.statistics.count_vote(member.name, vote["action"])
            if isinstance(member.votes, ShadowVotes):
                member.votes.record(vote, member.votes.reason)
            else:
                after = cast("Decision", make_view(vote))
        if calls is not None:
            calls.add(member, None if error is not None else vote, after, text)
        return after


@calls_plugins
def _enter(generator: Any) -> Any:
    """Run a wrapper up to its `yield`."""
    try:
        next(generator)
    except StopIteration:
        raise _make_protocol_error(generator, "did not yield") from None
    return generator


@calls_plugins
def _leave(generator: Any, inside: Decision) -> object:
    """Run a wrapper to its end; return its value."""
    try:
        generator.send(inside)
    except StopIteration as end:
        return end.value
    generator.close()
    raise _make_protocol_error(generator, "has second yield")


def _make_protocol_error(generator: Any, seen: str) -> RuntimeError:
    """Build the error of a wrapper that does not yield once, in pluggy's words."""
    code = generator.gi_code
    where = f"{code.co_name!r} {code.co_filename}:{code.co_firstlineno}"
    return RuntimeError(f"wrap_controller at {where} {seen}")
