"""Calls a plugin with one case in several ways, and returns the findings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from threading import get_ident
from typing import TYPE_CHECKING, Any, Final, cast

from hookframe._text import short_repr
from hookframe.log.exceptions import describe
from hookframe_devkit.conformance.checks.finding import Finding
from hookframe_devkit.conformance.checks.harness import Harness, Outcome, ask_directly
from hookframe_devkit.conformance.probes.blocking import BlockingGuard
from hookframe_devkit.conformance.probes.locations import Location, Locations
from hookframe_devkit.conformance.probes.process_state import ProcessState
from hookframe_devkit.conformance.probes.stdout import CapturedStdout
from hookframe_devkit.conformance.probes.tracked_input import FirstChange, TrackedMapping
from hookframe_devkit.conformance.probes.tracked_state import TrackedState, Usage, is_caused_by

if TYPE_CHECKING:
    from hookframe.plugins.plugin import Plugin
    from hookframe_devkit.conformance.checks.cases import Case
    from hookframe_devkit.conformance.progress import Progress

_TRIES: Final = 100
"""How often a slow call is repeated before it counts as slow."""
_ENOUGH: Final = 100
"""Stop repeating after this many times the limit, and ten calls."""
_FEWEST_TRIES: Final = 10


@dataclass(frozen=True, slots=True)
class _Asked:
    """A call and its side effects."""

    outcome: Outcome
    strayed: bool
    missed: KeyError | None
    wanted: str
    place: Location

    @property
    def failed(self) -> bool:
        """Whether the plugin raised an exception."""
        return self.outcome.error is not None and not self.outcome.invalid and not self.wanted


class CallChecker:
    """Checks one plugin, case by case.

    Args:
        harness: the plugin.
        guard: stops calls that would block.
        progress: records each case.
    """

    def __init__(self, harness: Harness, guard: BlockingGuard, progress: Progress) -> None:
        self.harness = harness
        self.guard = guard
        self.printed = CapturedStdout()
        self._progress = progress
        self._usage = Usage()
        self._usage.thread = get_ident()
        self.limit = float("inf")
        """the longest time of a call in nanoseconds"""
        self.calls = 0
        self.begin_generation()

    def begin_generation(self) -> None:
        """Continue with the current plugin of the harness and an empty state."""
        plugin = self.harness.plugin
        self.locations = Locations(plugin)
        self.pure = getattr(plugin.subject, "hookframe_pure", False) is True
        self._used = TrackedState(self._usage)

    @property
    def plugin(self) -> Plugin:
        """The plugin."""
        return self.harness.plugin

    def examine(self, case: Case) -> list[Finding]:
        """Call the plugin with a case, and return every finding."""
        self._progress.note("pre_delivery_attempt", case.attempt, case.decision)
        before, printed = ProcessState(), self.printed.size()
        findings = list(self._answers(case))
        if self.plugin.decided is not None:
            findings += self._observed(case)
        if self.printed.size() != printed:
            findings.append(self._prints(printed))
        changes = ProcessState().changes(before)
        if changes:
            before.restore()
            findings += [self._changed(change) for change in changes]
        self._usage.missed = None
        return findings

    def answer(self, case: Case) -> object:
        """Return the answer to a case with an empty state, always the same for a pure plugin."""
        self._progress.note("pre_delivery_attempt", case.attempt, case.decision)
        return self._ask(case, self._fresh()).outcome.answer

    def _answers(self, case: Case) -> Iterator[Finding]:
        first_change = self._tracked(case)
        used, fresh = self._ask(case, self._used), self._ask(case, self._fresh())
        if first_change.what:
            place = (
                (first_change.file, first_change.line)
                if self.locations.is_own(first_change.file)
                else self.locations.hook
            )
            yield Finding(
                "changes-input",
                f"it tries to change its input: {first_change.what}",
                place,
                ends=fresh.failed,
            )
        for asked in (fresh, used):
            if asked.wanted:
                seen = f"it {asked.wanted}"
                yield Finding("blocks", seen, asked.place, apart=asked.place, ends=True)
                return
        yield from self._returned(fresh, used)
        if not first_change.what:
            yield from self._raised(fresh, used)
        if fresh.strayed or used.strayed:
            seen = "it uses the state of another generation, not the one of the call"
            yield Finding("needs-state", seen, self.locations.hook)
        if self.pure and not (fresh.failed or fresh.outcome.invalid):
            yield from self._impure(case, fresh)
        # The time of an error is hookframe's, for its description.
        if fresh.outcome.error is None and fresh.outcome.nanoseconds > self.limit:
            yield from self._slow(case, fresh.outcome.nanoseconds)

    def _returned(self, fresh: _Asked, used: _Asked) -> Iterator[Finding]:
        invalid = fresh if fresh.outcome.invalid else used
        if invalid.outcome.invalid:
            yield Finding(
                "invalid-return",
                _text(invalid.outcome),
                self.locations.hook,
                used=invalid is used,
                locate=self._where_it_returns,
            )

    def _where_it_returns(self, case: Case) -> Location:
        return self.locations.of_return(lambda: self._ask(case, self._fresh()))

    def _raised(self, fresh: _Asked, used: _Asked) -> Iterator[Finding]:
        if fresh.failed:
            missing = is_caused_by(fresh.outcome.cause, fresh.missed)
            needs = missing or not (used.failed or used.outcome.invalid)
            yield self._error("needs-state" if needs else "exception", fresh)
        elif used.failed:
            yield self._error("exception", used, used=True)

    def _error(self, rule: str, asked: _Asked, *, used: bool = False) -> Finding:
        cause = asked.outcome.cause
        place = self.locations.of_error(cause)
        seen = _text(asked.outcome)
        if rule == "needs-state":
            seen = f"with an empty state: {seen}"
        apart = (type(cause).__name__, place)
        return Finding(rule, seen, place, used=used, apart=apart, ends=not used)

    def _impure(self, case: Case, first: _Asked) -> Iterator[Finding]:
        again = self._ask(case, self._fresh())
        if again.outcome.answer != first.outcome.answer:
            yield impurity(first.outcome.answer, again.outcome.answer, self.locations.hook)

    def _slow(self, case: Case, nanoseconds: int) -> Iterator[Finding]:
        """Repeat a slow call, which a busy machine may have delayed."""
        total = best = nanoseconds
        for tries in range(_TRIES):
            if tries >= _FEWEST_TRIES and total > _ENOUGH * self.limit:
                break
            taken = self._ask(case, self._fresh()).outcome.nanoseconds
            total, best = total + taken, min(best, taken)
            if best <= self.limit:
                return
        seen = f"a call takes {best / 1e6:.3g} ms; it may take {self.limit / 1e6:.3g} ms"
        yield Finding("slow", seen, self.locations.hook)

    def _observed(self, case: Case) -> Iterator[Finding]:
        """Call the plugin's `decided`, as a host does."""
        outcome = self._ask(case, self._fresh()).outcome
        with self.guard.watching():
            error = self.harness.show(case, outcome)
        if self.guard.what:
            place = self.locations.of_stack(self.guard.stack)
            seen = f"it {self.guard.what}"
            yield Finding("blocks", seen, place, doing="decided", apart=place)
        elif error is not None:
            place = self.locations.of_error(error)
            seen = describe(error, self.plugin.file)
            apart = (type(error).__name__, place)
            yield Finding("exception", seen, place, doing="decided", apart=apart)

    def _prints(self, size: int) -> Finding:
        return Finding(
            "prints",
            f"it writes to standard output: {short_repr(self.printed.since(size))}",
            self.locations.hook,
            locate=lambda case: self.locations.of_change(
                lambda: self._all_hooks(case), self.printed.size
            ),
        )

    def _changed(self, change: str) -> Finding:
        return Finding(
            "changes-globals",
            f"it changes {change}",
            self.locations.hook,
            apart=change.partition(":")[0],
            locate=self._where_it_changes,
        )

    def _where_it_changes(self, case: Case) -> Location:
        before = ProcessState()
        try:
            return self.locations.of_change(
                lambda: self._all_hooks(case), lambda: bool(ProcessState().changes(before))
            )
        finally:
            before.restore()

    def _all_hooks(self, case: Case) -> None:
        outcome = self._ask(case, self._fresh()).outcome
        with self.guard.watching():
            self.harness.show(case, outcome)

    def _tracked(self, case: Case) -> FirstChange:
        """Call the plugin with input that records the first change."""
        first_change, state = FirstChange(), self._fresh()
        attempt = cast("Any", TrackedMapping("attempt", case.attempt, first_change))
        decision = cast("Any", TrackedMapping("decision", case.decision, first_change))
        self.calls += 1
        self._usage.begin(state)
        with self.guard.watching():
            ask_directly(self.plugin, attempt, decision, state)
        self._usage.end()
        return first_change

    def _ask(self, case: Case, state: TrackedState) -> _Asked:
        self.calls += 1
        usage, guard = self._usage, self.guard
        usage.begin(state)
        with guard.watching():
            outcome = self.harness.ask(case, state)
        usage.end()
        place = self.locations.of_stack(guard.stack) if guard.what else self.locations.hook
        return _Asked(outcome, usage.strayed, usage.missed, guard.what, place)

    def _fresh(self) -> TrackedState:
        return TrackedState(self._usage)


def impurity(first: object, again: object, place: Location, how: str = "equal input") -> Finding:
    """Build the finding of two different answers of a pure plugin."""
    seen = f"{how}, and it returns {_answer(again)}, not {_answer(first)}"
    return Finding("impure", seen, place)


def _answer(answer: Any) -> str:
    vote, error = answer
    return f"an error ({error})" if error else short_repr(vote)


def _text(outcome: Outcome) -> str:
    """Return the error text without the prefix of the log."""
    text = outcome.error.text if outcome.error is not None else ""
    return text.partition("pre_delivery_attempt_hook: ")[2] or text
