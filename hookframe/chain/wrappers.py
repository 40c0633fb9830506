"""Wrappers around the chain: pluggy's protocol, and a check of the decision they return."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from hookframe.api.decision import ACCUMULATED_ACTIONS, NORMAL, TEMPFAIL
from hookframe.api.plugin_code import calls_plugins
from hookframe.api.readonly import make_view
from hookframe.chain.deadline import check_deadline
from hookframe.chain.fold import ShadowVotes, check_vote

if TYPE_CHECKING:
    from hookframe.api.attempt import Attempt
    from hookframe.api.decision import Decision
    from hookframe.api.hookspecs import State
    from hookframe.chain.member import AttemptRun, Member
    from hookframe.chain.trace import Calls

Inner = Callable[..., "Decision"]
"""Decides an attempt with a state, and with a record of calls if somebody asks for one."""


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
            calls: receives each call; None if nobody asks for them.

        Returns:
            The wrapper's decision, or the inner one if it changes nothing.
        """
        member, run, deadline = self._member, self._run, self._deadline
        error, vote, inside, started = None, None, NORMAL, 0.0
        if deadline is not None:
            run.begin_call(started := monotonic(), deadline)
        try:
            generator = _enter(member.plugin.decide(attempt, NORMAL, state))
        except BaseException as raised:  # noqa: BLE001  (whatever a plugin raises is a temp-fail)
            error = raised
        # Its own deadline and its time in the trace leave out the chain inside.
        if deadline is not None:
            run.end_call()
            started -= monotonic()
        spent = 0 if calls is None else calls.pause()
        if error is None or member.skips(error):
            inside = self._inner(attempt, state, calls)
        if deadline is not None:
            started += monotonic()
        if calls is not None:
            calls.resume(spent)
        if error is None:
            try:
                if deadline is not None:
                    run.begin_call(started, deadline)
                vote = self._check(_leave(generator, inside), inside)
                if deadline is not None:
                    check_deadline(monotonic() - started, deadline)
            except BaseException as raised:  # noqa: BLE001
                error = raised
            if deadline is not None:
                run.end_call()
        after, text = inside, None
        if error is not None:
            failure = run.record_failure(member, error)
            after, text = inside if failure.skipped else TEMPFAIL, failure.error.text
        elif vote is not None:
            after = self._add(vote, inside)
        if calls is not None:
            calls.add(member, vote if error is None else None, after, text)
        return after

    @calls_plugins
    def _check(self, returned: object, inside: Decision) -> Decision | None:
        """Check what the wrapper returned; None if it keeps the inner decision."""
        if returned is None or returned is inside or inside is TEMPFAIL or returned == inside:
            return None
        return check_vote(returned, self._member.policy, ACCUMULATED_ACTIONS)

    def _add(self, vote: Decision, inside: Decision) -> Decision:
        """Count a vote, and make it the decision."""
        votes = self._member.votes
        votes.vote = vote
        self._run.statistics.count_vote(self._member.name, vote["action"])
        if isinstance(votes, ShadowVotes):
            votes.record(vote)
            return inside
        return cast("Decision", make_view(vote))


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
