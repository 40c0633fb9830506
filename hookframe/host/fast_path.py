"""The way of most attempts, on one page: nothing is looked up that can be known beforehand.

Each call of a function that is spared here is one in fifty of an attempt with three plugins.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from time import monotonic
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from hookframe.api.attempt import ATTEMPT_TYPES, read_only_attempt
from hookframe.api.decision import NORMAL
from hookframe.api.errors import InvalidAttempt
from hookframe.log.stream import HOLDER

if TYPE_CHECKING:
    from hookframe.api.attempt import Attempt
    from hookframe.api.decision import Decision
    from hookframe.host.generation import Generation
    from hookframe.log.capture import Output

Decide = Callable[[Mapping[str, Any]], "Decision"]


def build_fast_path(
    generation: Generation,
    output: Output,
    reject: Callable[[InvalidAttempt, object], Decision],
    record: Callable[[Generation, Attempt, Decision], Decision],
) -> Decide:
    """Make the function that decides about an attempt of which nobody wants a trace.

    Args:
        generation: the generation in use.
        output: takes what the plugins print.
        refuse: makes the decision about what is no attempt.
        noted: counts and logs a decision, and makes the caller's.

    Returns:
        A function from the attempt to the decision; whoever calls it holds the host's lock.
    """
    chain, state = generation.chain, generation.state
    decide_in_chain, run, deadline = chain.decide, chain.run, chain.run.deadline
    out, err = output.streams
    nine = len(ATTEMPT_TYPES)

    def decide(given: Mapping[str, Any]) -> Decision:
        try:
            try:
                # What needs no conversion is told here, `read_only_attempt` does the rest.
                if (
                    type(given) is dict
                    and len(copy := given.copy()) == nine
                    and type(copy["mtaid"]) is str
                    and type(copy["sendid"]) is str
                    and type(copy["listid"]) is str
                    and type(copy["msguid"]) is str
                    and type(copy["injtime"]) is int
                    and type(copy["sender"]) is str
                    and type(copy["recipient"]) is str
                    and ((first := copy["is_first_attempt"]) is True or first is False)
                    and ((exists := copy["mtaid_exists"]) is True or exists is False)
                ):
                    attempt: Any = MappingProxyType(copy)
                else:
                    attempt = read_only_attempt(given)
            except KeyError:
                attempt = read_only_attempt(given)
        except InvalidAttempt as error:
            return reject(error, given)
        if sys.stdout is not out or sys.stderr is not err:
            output.install()
        output.thread = HOLDER
        run.started = started = monotonic()
        try:
            decision = decide_in_chain(attempt, state)
            if monotonic() - started > deadline:
                decision = chain.fail_late(decision, started)
        finally:
            run.started = 0.0
            output.thread = 0
            if output.unsettled or sys.stdout is not out or sys.stderr is not err:
                output.end()
        if decision is NORMAL and not run.events:
            return {"action": "normal"}
        return record(generation, attempt, decision)

    return decide
