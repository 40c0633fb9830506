"""The path of an attempt through a generation, in one function: each call saved is 2 % of it."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from hookframe.api.attempt import ATTEMPT_TYPES, read_only_attempt
from hookframe.api.decision import NORMAL
from hookframe.api.errors import InvalidAttempt
from hookframe.api.plugin_code import calls_plugins
from hookframe.api.readonly import ATOMS, ReadOnlyDict
from hookframe.chain.deadline import DUE, STARTED
from hookframe.log.capture.stream import Stream

if TYPE_CHECKING:
    from hookframe.api.attempt import Attempt
    from hookframe.api.decision import Decision
    from hookframe.chain.stats import Statistics
    from hookframe.chain.trace import Calls
    from hookframe.host.generation import Generation
    from hookframe.log.capture.output import Output


class Path(Protocol):
    """The way of an attempt to its decision."""

    def __call__(self, given: Mapping[str, Any], calls: Calls | None = None, /) -> Decision:
        """Decide about an attempt; record its calls if there is a record for them."""


def build_path(
    generation: Generation,
    output: Output,
    statistics: Statistics,
    reject: Callable[[InvalidAttempt, object], Decision],
    finish: Callable[[Generation, Attempt, Decision, Calls | None], Decision],
) -> Path:
    """Build the function that takes attempts through a generation.

    Args:
        generation: the generation in use.
        output: puts its streams over those of the program.
        statistics: counts normal decisions.
        reject: builds the decision about an invalid attempt.
        finish: counts and logs any other decision, shows it to observers, and returns the caller's
            copy.

    Returns:
        A function from the attempt, and a record of calls or None, to the decision; its caller
        holds the host's lock.
    """
    chain, state = generation.chain, generation.state
    decide_in_chain, run, deadline = chain.decide, chain.run, chain.run.deadline
    nine, cells = len(ATTEMPT_TYPES), run.cells

    @calls_plugins
    def decide(given: Mapping[str, Any], calls: Calls | None = None) -> Decision:
        try:
            try:
                # Checked here if nothing needs conversion: `read_only_attempt` is slower.
                if (
                    type(given) is dict
                    and type(given["mtaid"]) is str
                    and type(given["sendid"]) is str
                    and type(given["listid"]) is str
                    and type(given["msguid"]) is str
                    and type(given["injtime"]) is int
                    and type(given["sender"]) is str
                    and type(given["recipient"]) is str
                    and ((first := given["is_first_attempt"]) is True or first is False)
                    and ((exists := given["mtaid_exists"]) is True or exists is False)
                    and (len(given) == nine or ATOMS.issuperset(map(type, given.values())))
                ):
                    attempt: Any = ReadOnlyDict(given)
                else:
                    attempt = read_only_attempt(given)
            except KeyError:
                attempt = read_only_attempt(given)
        except InvalidAttempt as error:
            return reject(error, given)
        out, err = sys.stdout, sys.stderr
        if type(out) is not Stream or type(err) is not Stream:
            output.install()  # the program has redirected its output meanwhile
            out, err = sys.stdout, sys.stderr
        outer = run.started  # of an attempt whose plugin asks its own host
        run.started = started = monotonic()
        if cells is not None:
            cells[DUE] = started + deadline
            cells[STARTED] = started
        try:
            decision = decide_in_chain(attempt, state, calls)
            if monotonic() - started > deadline:
                decision = chain.fail_late(decision, started)
        finally:
            run.started = outer
            if sys.stdout is not out or sys.stderr is not err:
                sys.stdout, sys.stderr = out, err
            if cells is not None:
                cells[STARTED] = outer
                if outer:
                    run.publish()
        if decision is NORMAL and calls is None and not run.events:
            statistics.normal += 1
            return {"action": "normal"}
        return finish(generation, attempt, decision, calls)

    return decide
