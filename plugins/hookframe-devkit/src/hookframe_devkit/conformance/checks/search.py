"""The search for cases that break a rule, and for the smallest of each, by hypothesis."""

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
"""Seconds to search for a smaller case."""
_MOST_TRIES: Final = 500


class _Found(Exception):
    """A case breaks the rule that is searched for."""


class Search:
    """Tries cases, and keeps the smallest for each fault.

    Args:
        examine: returns the findings of a case.
        seed: the seed of generated cases.
    """

    def __init__(self, examine: Callable[[Case], list[Finding]], seed: int) -> None:
        self._examine = examine
        self._seed = seed
        self.found: dict[Key, tuple[Case, Finding]] = {}
        """the smallest case of each fault"""
        self._settled: set[Key] = set()
        self.tried = 0
        """how many cases were tried, without those for shrinking"""

    def try_all(self, cases: Iterable[Case], until: float) -> bool:
        """Try cases, the simplest first.

        Args:
            cases: the cases.
            until: when to stop, by `perf_counter`.

        Returns:
            Whether all were tried.
        """
        for case in cases:
            if perf_counter() > until:
                return False
            self.try_one(case)
        return True

    def try_one(self, case: Case) -> list[Finding]:
        """Try one case; return its findings."""
        self.tried += 1
        findings = self._examine(case)
        for finding in findings:
            self._keep(case, finding)
            if _size(case) == _NOTHING:
                self._settled.add(finding.key)  # there is no smaller one
        return findings

    def generate(self, strategy: SearchStrategy[Case], examples: int) -> None:
        """Try generated cases in rounds, until a round finds no new fault.

        Args:
            strategy: generates them.
            examples: how many in a round.
        """
        for _ in range(_MOST_ROUNDS):
            new = self._round(strategy, examples)
            if new is None:
                break
            self._settled.add(new)

    def make_smaller(self) -> None:
        """Reset each kept case to the usual attempt, as far as it still breaks its rule."""
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
        """Search for one new fault, and for its smallest case."""
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

        with suppress(_Found, Flaky, BaseExceptionGroup):  # a fault of earlier calls
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
    """One search: for any fault first, then for the smallest case of that fault."""

    def __init__(self) -> None:
        self.key: Key | None = None
        self.before = 0
        """the number of cases before the first with the fault"""
        self._tries = 0
        self._until = 0.0

    def begin(self, key: Key) -> None:
        """Record the fault."""
        if self.key is None:
            self.key, self._until = key, monotonic() + _PATIENCE

    def is_over(self) -> bool:
        """Count a try; return whether the search is over."""
        if self.key is None:
            self.before += 1
            return False
        self._tries += 1
        return self._tries > _MOST_TRIES or monotonic() > self._until


def _size(case: Case) -> tuple[int, int]:
    """Return how many parts of a case differ from the usual one, and their length."""
    different = differences(case.attempt)
    length = len(json.dumps([different, list(map(dict, case.votes))]))
    return len(different) + len(case.votes), length


_NOTHING: Final = (0, len(json.dumps([{}, []])))


def _smaller(case: Case) -> list[Callable[[Case], Case]]:
    """Return the ways to make a case smaller: no votes, or one key as usual."""
    ways: list[Callable[[Case], Case]] = [lambda each: replace(each, votes=())]
    ways += [_usual(key) for key in differences(case.attempt)]
    return ways


def _usual(key: str) -> Callable[[Case], Case]:
    usual: dict[str, Any] = dict(make_attempt())

    def smaller(case: Case) -> Case:
        attempt = {each: value for each, value in case.attempt.items() if each != key}
        return replace(case, attempt=attempt | ({key: usual[key]} if key in usual else {}))

    return smaller
