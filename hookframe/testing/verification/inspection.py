"""One plugin's whole life, lived through in the child process: loaded, asked, measured, closed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from hookframe.errors import ChainError, Origin
from hookframe.testing.verification.bench import Bench, in_words
from hookframe.testing.verification.blocking import Sentry
from hookframe.testing.verification.cases import (
    Case,
    count_of_decisions,
    fixed_attempts,
    fixed_cases,
    generated_cases,
)
from hookframe.testing.verification.examiner import Examiner, impurity
from hookframe.testing.verification.finding import Finding
from hookframe.testing.verification.memory import WINDOW, find_leak
from hookframe.testing.verification.printing import Printed
from hookframe.testing.verification.search import Search
from hookframe.testing.verification.speed import measure
from hookframe.testing.verification.surroundings import Surroundings
from hookframe.testing.verification.verdict import Tried, Verdict, Violation, in_order
from hookframe.wording import shown

if TYPE_CHECKING:
    from hookframe.plugin import Plugin
    from hookframe.testing.verification.notebook import Notebook
    from hookframe.testing.verification.subjects import Subject

_BUDGET: Final = 15.0
"""Seconds that generated cases may take, about: a plugin of which each call is slow gets fewer."""
_FEWEST: Final = 100
_OVERHEAD: Final = 100_000
"""Nanoseconds that one look at one call may take beside the call."""
_LONGEST: Final = 0.002
"""Seconds of a call that is too long to be made as often as a leak takes to be seen."""
_THREADS_END: Final = 1.0
"""Seconds in which a thread has ended, once the plugin is closed."""


@dataclass(frozen=True, slots=True)
class Job:
    """What the child is to do.

    Args:
        subject: what to check.
        examples: how many cases to generate.
        seed: what they depend on.
        slow: how many times the reference a call may take.
    """

    subject: Subject
    examples: int
    seed: int
    slow: float


class Inspection:
    """Inspects one plugin.

    Args:
        job: what to do.
        notebook: takes what is being tried.
    """

    def __init__(self, job: Job, notebook: Notebook) -> None:
        self._job = job
        self._notebook = notebook
        self._sentry = Sentry()
        self._bench = Bench(job.subject)
        self._printed = Printed()
        self._violations: dict[Any, Violation] = {}
        self._tried = Tried(slow=job.slow)
        self._threads = set(threading.enumerate())
        self._origin = Origin(job.subject.name, job.subject.file or "")

    def verdict(self) -> Verdict:
        """Put the plugin through everything."""
        plugin = self._load()
        if plugin is None:
            return self._verdict(self._origin, wrapper=False, pure=False)
        examiner = Examiner(self._bench, self._sentry, self._notebook)
        self._ask(examiner, plugin)
        self._say_remarks(plugin)
        self._close(plugin)
        self._begin_again(examiner, plugin)
        self._tried.calls = examiner.calls
        self._tried.generations = self._bench.generations
        return self._verdict(plugin.origin, wrapper=plugin.wrapper, pure=examiner.pure)

    def _verdict(self, origin: Origin, *, wrapper: bool, pure: bool) -> Verdict:
        return Verdict(
            plugin=origin.plugin,
            distribution=origin.distribution,
            version=origin.version,
            wrapper=wrapper,
            pure=pure,
            violations=in_order(self._violations),
            tried=self._tried,
        )

    def _ask(self, examiner: Examiner, plugin: Plugin) -> None:
        """Ask it everything, of one generation and then of the next."""
        search = Search(examiner.examine, self._job.seed)
        usual = [Case(attempt) for attempt in fixed_attempts()]
        healthy = [case for case in usual if not any(each.ends for each in search.try_one(case))]
        with _restored():
            first = [examiner.answer(case) for case in usual]
            self._remember(examiner, healthy)
            self._time(examiner, healthy)
        started, before = perf_counter(), search.tried
        search.try_all(fixed_cases(wrapper=plugin.wrapper))
        each = (perf_counter() - started) / (search.tried - before)
        examples = min(self._job.examples, max(int(_BUDGET / each), _FEWEST))
        search.generate(generated_cases(wrapper=plugin.wrapper), examples)
        search.make_smaller()
        for case, finding in search.found.values():
            self._add(self._violation(examiner, case, finding))
        self._compare("impure", examiner, usual, first)
        if self._configure_again():
            examiner.begin_generation()
            search.try_all(usual)
            self._compare("reconfigure", examiner, usual, first)
        self._tried.attempts = search.tried
        self._tried.decisions = count_of_decisions(wrapper=plugin.wrapper)

    def _load(self) -> Plugin | None:
        self._notebook.note("load")
        try:
            with self._settled("load"):
                return self._bench.build()
        except ChainError as error:
            for each in error.errors:
                self._origin = each.origin
                self._add(Violation(rule="load-error", seen=each.text, doing="load"))
            return None

    def _configure_again(self) -> bool:
        """Build the next generation, as every reload does; say whether that went well."""
        self._notebook.note("configure")
        try:
            with self._settled("configure"):
                self._bench.build()
        except ChainError as error:
            for each in error.errors:
                seen = f"when it is configured again: {each.text}"
                self._add(Violation(rule="reconfigure", seen=seen, doing="configure"))
            return False
        return True

    def _begin_again(self, examiner: Examiner, plugin: Plugin) -> None:
        """Take the plugin into a chain again after it had left one."""
        if not self._configure_again():
            return
        examiner.begin_generation()
        case = Case(fixed_attempts()[0])
        known = {(each.rule, each.doing) for each in self._violations.values()}
        for finding in examiner.examine(case):
            if (finding.rule, finding.doing) not in known:
                seen = f"after close and configure: {finding.seen}"
                self._add(Violation(rule="reconfigure", seen=seen, doing="configure"))
        self._close(plugin)

    def _time(self, examiner: Examiner, healthy: list[Case]) -> None:
        if not healthy:
            self._tried.left_out.append("time per call: no call came to its end")
            return
        with self._sentry.watching():
            speed = measure(self._bench.alone, healthy)
        self._tried.times = speed.times
        examiner.limit = self._job.slow * speed.reference + _OVERHEAD
        if speed.times > self._job.slow:
            seen = (
                f"a call takes {speed.times:,.0f} times the reference, or "
                f"{speed.times * speed.reference / 1e6:.3g} ms here; it may take "
                f"{self._job.slow:,.0f} times"
            )
            self._add(_violation("slow", seen, speed.case, place=examiner.places.hook))
            examiner.limit = float("inf")  # it is known, and need not be found again

    def _remember(self, examiner: Examiner, healthy: list[Case]) -> None:
        """See whether equal calls leave something behind."""
        if not healthy:
            self._tried.left_out.append("what calls leave behind: no call came to its end")
            return
        if _seconds(examiner, healthy) > _LONGEST:
            self._tried.left_out.append("what calls leave behind: a call takes too long")
            return
        self._notebook.note("pre_delivery_attempt", healthy[0].attempt, {"action": "normal"})
        leak = find_leak(self._window(healthy), examiner.places)
        if leak is not None:
            file, line = leak.place
            self._add(Violation(rule="leak", seen=leak.text, file=file, line=line, state="used"))

    def _window(self, cases: list[Case]) -> Callable[[], None]:
        state: dict[str, Any] = {}
        calls = [cases[number % len(cases)] for number in range(WINDOW)]

        def window() -> None:
            for number, case in enumerate(calls):
                if number % len(cases) == 0:
                    self._notebook.note("pre_delivery_attempt", case.attempt, case.decision)
                with self._sentry.watching():
                    self._bench.show(case, self._bench.ask(case, state))

        return window

    def _compare(
        self, rule: str, examiner: Examiner, cases: list[Case], first: list[object]
    ) -> None:
        """Ask again what a pure plugin has been asked at first."""
        if not examiner.pure or any(each.rule == "impure" for each in self._violations.values()):
            return
        for case, before in zip(cases, first, strict=True):
            now = examiner.answer(case)
            if now != before:
                finding = impurity(before, now, examiner.places.hook)
                self._add(_violation(rule, finding.seen, case, place=finding.place))
                return

    def _say_remarks(self, plugin: Plugin) -> None:
        self._notebook.note("remarks")
        with self._settled("remarks"):
            error = self._bench.remarks()
        if error is not None:
            self._add(Violation(rule="exception", seen=in_words(error, plugin), doing="remarks"))

    def _close(self, plugin: Plugin) -> None:
        self._notebook.note("close")
        with self._settled("close"):
            errors = self._bench.close()
        for error in errors:
            self._add(Violation(rule="exception", seen=error.text, doing="close", file=plugin.file))
        for thread in self._left_over():
            seen = f"the thread {shown(thread.name)} goes on after close"
            self._add(Violation(rule="leak", seen=seen, doing="close", file=plugin.file))

    def _left_over(self) -> list[threading.Thread]:
        """Name the threads that have come and not gone, after a moment to do so."""
        threads = [each for each in threading.enumerate() if each not in self._threads]
        for each in threads:
            each.join(_THREADS_END)
        return [each for each in threads if each.is_alive()]

    @contextmanager
    def _settled(self, doing: str) -> Iterator[None]:
        """See what is printed and changed beside an attempt."""
        before, printed = Surroundings(), self._printed.size()
        try:
            yield
        finally:
            if self._printed.size() != printed:
                seen = f"it writes to standard output: {shown(self._printed.since(printed))}"
                self._add(Violation(rule="prints", seen=seen, doing=doing))
            for change in Surroundings().changes(before, at_load=True):
                self._add(
                    Violation(rule="changes-globals", seen=f"it changes {change}", doing=doing)
                )

    def _violation(self, examiner: Examiner, case: Case, finding: Finding) -> Violation:
        """Make a violation of the smallest case, after a look whether it shows it again."""
        again = [each for each in examiner.examine(case) if each.key == finding.key]
        place = (again or [finding])[0].place
        if finding.locate is not None:
            place = finding.locate(case)
        return _violation(
            finding.rule,
            (again or [finding])[0].seen,
            case,
            doing=finding.doing,
            used=finding.used,
            fails=finding.fails,
            place=place,
            repeats=bool(again),
        )

    def _add(self, violation: Violation) -> None:
        """Take note of a violation, once."""
        key = (violation.rule, violation.doing, violation.file, violation.line, violation.seen)
        self._violations.setdefault(key, violation)


def _violation(
    rule: str,
    seen: str,
    case: Case,
    *,
    place: tuple[str, int],
    doing: str = "pre_delivery_attempt",
    used: bool = False,
    fails: bool = False,
    repeats: bool = True,
) -> Violation:
    return Violation(
        rule=rule,
        seen=seen,
        doing=doing,
        attempt=dict(case.attempt),
        decision=dict(case.decision),
        state="used" if used else "empty",
        file=place[0],
        line=place[1],
        fails=fails,
        repeats=repeats,
    )


def _seconds(examiner: Examiner, cases: list[Case]) -> float:
    """Say how long one call takes, about, with all that is done beside it."""
    started = perf_counter()
    for case in cases:
        examiner.answer(case)
    return (perf_counter() - started) / len(cases)


@contextmanager
def _restored() -> Iterator[None]:
    """Put back at the end what a plugin has changed of the process meanwhile."""
    before = Surroundings()
    try:
        yield
    finally:
        before.restore()
