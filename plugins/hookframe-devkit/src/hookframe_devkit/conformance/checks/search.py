"""Looks for cases that break a rule, and for the smallest one of each: hypothesis does both."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Any, Final

from hookframe.testing.samples import make_attempt
from hookframe_devkit.conformance.checks.cases import Case, differences

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from hookframe_devkit.conformance.checks.finding import Finding

Key = tuple[object, ...]
_MOST_ROUNDS: Final = 15
_PATIENCE: Final = 5.0
"""Seconds for one search after a smaller case."""
_MOST_TRIES: Final = 500


class _Found(Exception):
    """A case breaks the rule that is being looked for."""


class Search:
    """Examines cases, and keeps for each fault the smallest that shows it.

    Args:
        examine: says what a case shows.
        seed: what generated cases depend on.
    """

    def __init__(self, examine: Callable[[Case], list[Finding]], seed: int) -> None:
        self._examine = examine
        self._seed = seed
        self.found: dict[Key, tuple[Case, Finding]] = {}
        """the smallest case of each fault"""
        self._settled: set[Key] = set()
        self.tried = 0
        """how many cases have been examined, but for those that were tried for being smaller"""

    def try_all(self, cases: Iterable[Case], until: float) -> bool:
        """Examine cases, the simplest first.

        Args:
            cases: the cases.
            until: when there is no time left, by `perf_counter`.

        Returns:
            Whether the time was enough.
        """
        for case in cases:
            if perf_counter() > until:
                return False
            self.try_one(case)
        return True

    def try_one(self, case: Case) -> list[Finding]:
        """Examine one case; give what it shows."""
        self.tried += 1
        findings = self._examine(case)
        for finding in findings:
            self._keep(case, finding)
            if _size(case) == _NOTHING:
                self._settled.add(finding.key)  # there is no smaller one
        return findings

    def generate(self, strategy: SearchStrategy[Case], examples: int) -> None:
        """Examine generated cases, again and again until they show no new fault.

        Args:
            strategy: generates them.
            examples: how many.
        """
        for _ in range(_MOST_ROUNDS):
            new = self._round(strategy, examples)
            if new is None:
                break
            self._settled.add(new)

    def make_smaller(self) -> None:
        """Make as much as possible of each case that was kept the usual."""
        for key, (case, _) in list(self.found.items()):
            for smaller in _smaller(case):
                self._try_smaller(key, smaller)

    def _try_smaller(self, key: Key, smaller: Callable[[Case], Case]) -> None:
        case = smaller(self.found[key][0])
        if case == self.found[key][0]:
            return
        for finding in self._examine(case):
            if finding.key == key:
                self._keep(case, finding)

    def _keep(self, case: Case, finding: Finding) -> None:
        known = self.found.get(finding.key)
        if known is None or _size(case) < _size(known[0]):
            self.found[finding.key] = case, finding

    def _round(self, strategy: SearchStrategy[Case], examples: int) -> Key | None:
        """Look for one fault that is not settled, and for its smallest case."""
        from hypothesis import HealthCheck, Phase, Verbosity, given, seed, settings  # noqa: PLC0415
        from hypothesis.errors import Flaky  # noqa: PLC0415

        hunt = _Hunt()

        @seed(self._seed)
        @settings(
            max_examples=examples,
            database=None,
            deadline=None,
            phases=(Phase.generate, Phase.shrink),
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            print_blob=False,
            verbosity=Verbosity.quiet,
        )
        @given(strategy)
        def look(case: Case) -> None:
            self._look(case, hunt)

        with suppress(_Found, Flaky, BaseExceptionGroup):  # what needs earlier calls is flaky
            look()
        self.tried += hunt.before
        return hunt.key

    def _look(self, case: Case, hunt: _Hunt) -> None:
        if hunt.is_over():
            return
        for finding in self._examine(case):
            if finding.key in self._settled or hunt.key not in (None, finding.key):
                continue
            self._keep(case, finding)
            hunt.begin(finding.key)
            raise _Found


class _Hunt:
    """One search: at first for any fault, then for the smallest case of the one it has found."""

    def __init__(self) -> None:
        self.key: Key | None = None
        self.before = 0
        """cases before the first that showed it"""
        self._tries = 0
        self._until = 0.0

    def begin(self, key: Key) -> None:
        """Take note of the fault."""
        if self.key is None:
            self.key, self._until = key, monotonic() + _PATIENCE

    def is_over(self) -> bool:
        """Count a try; say whether there were enough."""
        if self.key is None:
            self.before += 1
            return False
        self._tries += 1
        return self._tries > _MOST_TRIES or monotonic() > self._until


def _size(case: Case) -> tuple[int, int]:
    """Say how much of a case is not the usual: in how many places, and how long it is."""
    different = differences(case.attempt)
    length = len(json.dumps([different, list(map(dict, case.votes))]))
    return len(different) + len(case.votes), length


_NOTHING: Final = (0, len(json.dumps([{}, []])))


def _smaller(case: Case) -> list[Callable[[Case], Case]]:
    """Give ways to make a case smaller: no votes, or one key of the attempt as usual."""
    ways: list[Callable[[Case], Case]] = [lambda each: replace(each, votes=())]
    ways += [_usual(key) for key in differences(case.attempt)]
    return ways


def _usual(key: str) -> Callable[[Case], Case]:
    usual: dict[str, Any] = dict(make_attempt())

    def smaller(case: Case) -> Case:
        attempt = {each: value for each, value in case.attempt.items() if each != key}
        return replace(case, attempt=attempt | ({key: usual[key]} if key in usual else {}))

    return smaller
