"""All checks of one plugin, in the child process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from time import perf_counter, time
from typing import TYPE_CHECKING, Any, Final

from hookframe.api.errors import Origin
from hookframe.testing.clock import Clock, find_modules
from hookframe_devkit.conformance.checks.call import CallChecker, impurity
from hookframe_devkit.conformance.checks.cases import (
    Case,
    count_of_decisions,
    fixed_attempts,
    fixed_cases,
    generated_cases,
    votes_for,
)
from hookframe_devkit.conformance.checks.finding import Finding
from hookframe_devkit.conformance.checks.harness import Harness
from hookframe_devkit.conformance.checks.leaks import WINDOW, find_leak
from hookframe_devkit.conformance.checks.lifecycle import Lifecycle
from hookframe_devkit.conformance.checks.search import Search
from hookframe_devkit.conformance.checks.speed import measure
from hookframe_devkit.conformance.checks.violations import Violations
from hookframe_devkit.conformance.probes.blocking import BlockingGuard
from hookframe_devkit.conformance.probes.process_state import ProcessState
from hookframe_devkit.conformance.result import Result, Tried, Violation

if TYPE_CHECKING:
    from hookframe_devkit.conformance.progress import Progress
    from hookframe_devkit.conformance.targets import Target

_BUDGET: Final = 20.0
"""Seconds for fixed cases, and for generated ones: a slow plugin gets fewer."""
_FEWEST: Final = 10
_OVERHEAD: Final = 100_000
"""Nanoseconds that hookframe may add to one call."""
_LONGEST: Final = 0.002
"""Seconds of a call that is too slow to search for leaks."""
_ROUND: Final = 10
"""Numbers from here on are shown without decimals."""
_LATER: Final = 40 * 86_400 + 5 * 3_600
"""Seconds to another time of day, day of the week and month."""


@dataclass(frozen=True, slots=True)
class Job:
    """The job of the child.

    Args:
        target: what to check.
        examples: how many cases to generate.
        seed: their seed.
        slow: the longest time of a call, in multiples of the reference.
        only: the only attempt and accumulated decision to try; None for all.
    """

    target: Target
    examples: int
    seed: int
    slow: float
    only: tuple[Mapping[str, Any], Mapping[str, Any]] | None = None


class Session:
    """Checks one plugin.

    Args:
        job: what to do.
        progress: records each step.
    """

    def __init__(self, job: Job, progress: Progress) -> None:
        self._job = job
        self._progress = progress
        self._guard = BlockingGuard()
        self._harness = Harness(job.target)
        self._violations = Violations()
        self._lifecycle = Lifecycle(self._harness, self._violations, progress)
        self._tried = Tried(slow=job.slow)

    def result(self) -> Result:
        """Run all checks, or the only case of the job."""
        plugin = self._lifecycle.load()
        if isinstance(plugin, Origin):
            return self._result(plugin, wrapper=False, pure=False)
        checker = CallChecker(self._harness, self._guard, self._progress)
        if self._job.only is not None:
            attempt, decision = self._job.only
            checker.examine(Case(attempt, votes_for(decision)))
            return self._result(plugin.origin, wrapper=plugin.wrapper, pure=checker.pure)
        self._ask(checker)
        self._lifecycle.check_remarks()
        self._lifecycle.close()
        if self._lifecycle.configure_again():
            self._ask_after_close(checker)
        self._tried.calls = checker.calls
        self._tried.generations = self._harness.generations
        return self._result(plugin.origin, wrapper=plugin.wrapper, pure=checker.pure)

    def _result(self, origin: Origin, *, wrapper: bool, pure: bool) -> Result:
        return Result(
            plugin=origin.plugin,
            distribution=origin.distribution,
            version=origin.version,
            wrapper=wrapper,
            pure=pure,
            violations=self._violations.in_order(),
            tried=self._tried,
        )

    def _ask(self, checker: CallChecker) -> None:
        """Try all cases in one generation, and the usual ones in the next."""
        search = Search(checker.examine, self._job.seed)
        usual = [Case(attempt) for attempt in fixed_attempts()]
        healthy = [case for case in usual if not any(each.ends for each in search.try_one(case))]
        with _restored():
            first = [checker.answer(case) for case in usual]
            self._remember(checker, healthy)
            self._time(checker, healthy)
        self._search(search)
        for case, finding in search.found.values():
            self._settle(checker, case, finding)
        self._compare("impure", "equal input", checker, usual, first)
        self._compare_later(checker, usual, first)
        if self._lifecycle.configure_again():
            checker.begin_generation()
            for case in usual:
                checker.examine(case)
            self._compare("reconfigure", "configured again", checker, usual, first)
        self._tried.attempts = search.tried
        self._tried.decisions = count_of_decisions(wrapper=self._harness.plugin.wrapper)

    def _search(self, search: Search) -> None:
        """Search for faults in fixed cases, then in generated ones."""
        wrapper = self._harness.plugin.wrapper
        started, before = perf_counter(), search.tried
        if not search.try_all(fixed_cases(wrapper=wrapper), started + _BUDGET):
            self._tried.left_out.append("some accumulated decisions: a call takes too long")
        each = (perf_counter() - started) / (search.tried - before)
        examples = min(self._job.examples, max(int(_BUDGET / each), _FEWEST))
        self._progress.note("generate")
        search.generate(generated_cases(wrapper=wrapper), examples)
        search.make_smaller()

    def _settle(self, checker: CallChecker, case: Case, finding: Finding) -> None:
        """Try the smallest case again, and record its finding."""
        again = [each for each in checker.examine(case) if each.key == finding.key]
        seen = again[0] if again else finding
        if seen.locate is not None:
            seen = replace(seen, place=seen.locate(case))
        self._violations.add_finding(seen, case, repeats=bool(again))

    def _time(self, checker: CallChecker, healthy: list[Case]) -> None:
        """Measure the time of a call."""
        if not healthy:
            self._tried.left_out.append("time per call: no call ended normally")
            return
        with self._guard.watching():
            speed = measure(self._harness.alone, healthy, self._note)
            if speed.times > self._job.slow:  # or the machine was: only what happens again counts
                again = measure(self._harness.alone, [speed.case], self._note)
                speed = min(speed, again, key=lambda each: each.times)
        self._tried.times = speed.times
        checker.limit = self._job.slow * speed.reference + _OVERHEAD
        if speed.times > self._job.slow:
            milliseconds = speed.times * speed.reference / 1e6
            seen = (
                f"a call takes {_number(speed.times)} times the reference ({milliseconds:.3g} ms "
                f"here); it may take {_number(self._job.slow)} times"
            )
            self._violations.add_finding(Finding("slow", seen, checker.locations.hook), speed.case)
            checker.limit = float("inf")  # the violation is recorded already

    def _remember(self, checker: CallChecker, healthy: list[Case]) -> None:
        """Check that equal calls leave nothing behind."""
        what = "what calls leave behind"
        if not healthy:
            self._tried.left_out.append(f"{what}: no call ended normally")
            return
        if _seconds(checker, healthy) > _LONGEST:
            self._tried.left_out.append(f"{what}: a call takes too long")
            return
        leak = find_leak(self._window(healthy), checker.locations)
        if leak is not None:
            file, line = leak.place
            self._violations.add(Violation(rule="leak", seen=leak.text, file=file, line=line))

    def _note(self, case: Case) -> None:
        self._progress.note("pre_delivery_attempt", case.attempt, case.decision)

    def _window(self, cases: list[Case]) -> Callable[[], None]:
        """Return a function that repeats the same cases in one generation."""
        state: dict[str, Any] = {}

        def window() -> None:
            for number in range(WINDOW):
                case = cases[number % len(cases)]
                self._note(case)
                with self._guard.watching():
                    self._harness.show(case, self._harness.ask(case, state))

        return window

    def _compare(
        self, rule: str, how: str, checker: CallChecker, cases: list[Case], first: list[object]
    ) -> None:
        """Compare the answers of a pure plugin with its first ones."""
        if not checker.pure or self._violations.knows("impure"):
            return
        for case, before in zip(cases, first, strict=True):
            now = checker.answer(case)
            if now != before:
                finding = impurity(before, now, checker.locations.hook, how)
                self._violations.add_finding(replace(finding, rule=rule), case)
                return

    def _compare_later(self, checker: CallChecker, cases: list[Case], first: list[object]) -> None:
        """Compare at another time: a pure plugin must not depend on the clock."""
        if not checker.pure:
            return
        clock = Clock()
        clock.set(time() + _LATER)
        with clock.patch_into(lambda: find_modules([self._harness.plugin.subject])):
            self._compare("impure", "equal input at another time", checker, cases, first)

    def _ask_after_close(self, checker: CallChecker) -> None:
        """Try the plugin once more after close and configure, then close it again."""
        checker.begin_generation()
        for finding in checker.examine(Case(fixed_attempts()[0])):
            if not self._violations.knows(finding.rule, finding.doing):
                seen = f"after close and configure: {finding.seen}"
                self._violations.add(Violation(rule="reconfigure", seen=seen, doing="configure"))
        self._lifecycle.close()


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= _ROUND else f"{value:.2g}"


def _seconds(checker: CallChecker, cases: list[Case]) -> float:
    """Return the approximate seconds of one call, with the overhead of the check."""
    started = perf_counter()
    for case in cases:
        checker.answer(case)
    return (perf_counter() - started) / len(cases)


@contextmanager
def _restored() -> Iterator[None]:
    """Restore the process state at the end."""
    before = ProcessState()
    try:
        yield
    finally:
        before.restore()
