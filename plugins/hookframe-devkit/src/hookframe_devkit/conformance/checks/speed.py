"""The time of a call, as a multiple of a small hook's in the same process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Final

from hookframe.api.attempt import read_only_attempt
from hookframe.api.errors import Origin
from hookframe.chain.chain import Chain
from hookframe.config.plugin_policy import Policy
from hookframe.plugins.plugin import Plugin

if TYPE_CHECKING:
    from hookframe.api.attempt import Attempt
    from hookframe.api.decision import Decision
    from hookframe_devkit.conformance.checks.cases import Case

_ROUNDS: Final = 15
_BATCH: Final = 100_000
"""The approximate nanoseconds of a batch of calls: long enough for the clock."""
_MOST_CALLS: Final = 200
_PATIENCE: Final = 300_000_000
"""Nanoseconds after which no further round is made for one attempt."""
_HELD: Final = frozenset({"slow.example", "full.example"})


def _reference(attempt: Attempt, _: Decision, state: dict[str, Any]) -> Decision | None:
    """Hold a few domains back, and count, as a small hook does."""
    state["reference.calls"] = state.get("reference.calls", 0) + 1
    if attempt["recipient"].rpartition("@")[2].lower() in _HELD:
        return {"action": "pause", "message": "On hold"}
    return None


_REFERENCE: Final = Plugin(Origin("reference"), None, decide=_reference)


@dataclass(frozen=True, slots=True)
class Speed:
    """The measured speed.

    Args:
        times: the time of the slowest attempt, in multiples of the reference.
        reference: the time of the reference, in nanoseconds.
        case: the slowest attempt.
    """

    times: float
    reference: float
    case: Case


def measure(chain: Chain, cases: Sequence[Case], note: Callable[[Case], None]) -> Speed:
    """Time a chain's calls and the reference's in turn, and take the best of each.

    This excludes other processes and changes of the processor's frequency.

    Args:
        chain: the chain of the plugin alone.
        cases: attempts, at least one.
        note: called with each case before it is timed.
    """
    reference = Chain([(_REFERENCE, Policy())])
    found: list[Speed] = []
    for case in cases:
        note(case)
        attempt = read_only_attempt(case.attempt)
        own, usual = _best_of(_timer(chain, attempt), _timer(reference, attempt))
        found.append(Speed(own / usual, usual, case))
    quickest = min(each.reference for each in found)
    slowest = max(found, key=lambda each: each.times)
    return Speed(slowest.times, quickest, slowest.case)


def _timer(chain: Chain, attempt: Attempt) -> Callable[[], float]:
    """Return a function that times a batch of calls, and returns the nanoseconds of one."""
    state: dict[str, Any] = {}
    decide = chain.decide

    def time(calls: int) -> float:
        started = perf_counter_ns()
        for _ in range(calls):
            decide(attempt, state)
        taken = (perf_counter_ns() - started) / calls
        chain.run.events.clear()
        return taken

    time(1)  # the first call may fill caches
    calls = max(1, min(_MOST_CALLS, int(_BATCH / max(time(1), 1))))
    return lambda: time(calls)


def _best_of(own: Callable[[], float], usual: Callable[[], float]) -> tuple[float, float]:
    best, best_usual = own(), usual()
    started = perf_counter_ns()
    for _ in range(_ROUNDS):
        best, best_usual = min(best, own()), min(best_usual, usual())
        if perf_counter_ns() - started > _PATIENCE:
            break
    return best, best_usual
