"""What a comparison is, and how it is measured: in turns, as the machine may change meanwhile."""

from __future__ import annotations

import gc
import math
import random
import timeit
from collections import defaultdict, deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from statistics import median
from time import thread_time
from typing import Any, Final

_NANOSECONDS: Final = 1_000_000_000
Measurement = Callable[[], float]
"""Measures one thing once, in the unit of its comparison."""


@dataclass(frozen=True)
class Bar:
    """What is promised of a ratio, or of a figure.

    Args:
        what: the variant of which it is promised.
        of: the one that it is compared with; empty where the figure itself has a bar.
        at_most: the greatest ratio.
        at_least: the least ratio.
    """

    what: str
    of: str = ""
    at_most: float | None = None
    at_least: float | None = None

    def holds(self, value: float) -> bool:
        """Say whether a ratio, or a figure, is as promised."""
        return (self.at_most is None or value <= self.at_most) and (
            self.at_least is None or value >= self.at_least
        )

    @property
    def limits(self) -> str:
        """The bar in words."""
        most = [] if self.at_most is None else [f"at most {self.at_most:.3g}"]
        least = [] if self.at_least is None else [f"at least {self.at_least:.3g}"]
        return ", ".join(most + least)


@dataclass(frozen=True)
class Comparison:
    """Several ways of doing one thing, measured in turns.

    Args:
        name: the name of its subject, and what part of it: `decide-nothing`.
        title: what is measured, as a heading of a plot.
        unit: of every figure: `ns`, `answers a second`.
        more_is_better: whether a greater figure is a better one.
        variants: each way by its name; a call measures it once.
        bars: what is promised.
        rounds: how often each way is measured.
        reference: the variant, or the series, that tables give ratios to; empty for none.
        axis: what grows, where the variants are points along an axis: `plugins`.
        points: then the series and the place of each variant, by name: see `along`.
    """

    name: str
    title: str
    unit: str
    more_is_better: bool
    variants: Mapping[str, Measurement]
    bars: tuple[Bar, ...] = ()
    rounds: int = 15
    reference: str = ""
    axis: str = ""
    points: Mapping[str, tuple[str, float]] = field(default_factory=dict)


def at(series: str, place: float) -> str:
    """Name the variant of a series at one place of the axis."""
    return f"{series}, {place:,g}" if place < 1000 else f"{series}, {place:,.0f}"


def along(
    grid: Mapping[str, Mapping[float, Measurement]],
) -> tuple[dict[str, Measurement], dict[str, tuple[str, float]]]:
    """Make the variants and the points of a comparison along an axis.

    Args:
        grid: the measurements of each series, by place.

    Returns:
        What `Comparison` takes as variants and as points.
    """
    cells = [(series, place) for series, row in grid.items() for place in row]
    variants = {at(series, place): grid[series][place] for series, place in cells}
    return variants, {at(series, place): (series, place) for series, place in cells}


class Several:
    """Gives several figures of one measurement, each as a variant of its own.

    It measures when a figure is asked for that no measurement has left yet.

    Args:
        measure: gives all of them, by name.
    """

    def __init__(self, measure: Callable[[], Mapping[str, float]]) -> None:
        self._measure = measure
        self._left: dict[str, deque[float]] = defaultdict(deque)

    def figure(self, name: str) -> Measurement:
        """Give the variant that is one of the figures."""

        def next_one() -> float:
            if not self._left[name]:
                for each, value in self._measure().items():
                    self._left[each].append(value)
            return self._left[name].popleft()

        return next_one


@dataclass(frozen=True)
class Figure:
    """The median of what was measured, and its spread."""

    median: float
    p10: float
    p90: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Figure:
        """Sum up what was measured."""
        ordered = sorted(values)
        last = len(ordered) - 1
        return cls(median(ordered), ordered[round(last * 0.1)], ordered[round(last * 0.9)])


@dataclass(frozen=True)
class Verdict:
    """A bar with what was measured of it."""

    bar: Bar
    figure: Figure
    met: bool


@dataclass(frozen=True)
class Result:
    """What was measured: of each variant one value a round."""

    comparison: Comparison
    values: Mapping[str, Sequence[float]]

    def figure(self, variant: str) -> Figure:
        """Sum up a variant."""
        return Figure.of(self.values[variant])

    def ratio(self, what: str, of: str) -> Figure:
        """Sum up the ratios of two variants, each within one round."""
        pairs = zip(self.values[what], self.values[of], strict=True)
        return Figure.of([ours / theirs for ours, theirs in pairs])

    def reference_of(self, variant: str) -> str:
        """Name the variant that another is compared with in tables; empty where there is none."""
        reference = self.comparison.reference
        if reference in self.values or not self.comparison.points:
            return reference if reference in self.values else ""
        name = at(reference, self.comparison.points[variant][1])
        return name if name in self.values else ""

    @cached_property
    def verdicts(self) -> tuple[Verdict, ...]:
        """Every bar that could be measured here, and whether it is met."""
        return tuple(
            self._verdict(bar)
            for bar in self.comparison.bars
            if bar.what in self.values and (bar.of in self.values or not bar.of)
        )

    def _verdict(self, bar: Bar) -> Verdict:
        figure = self.ratio(bar.what, bar.of) if bar.of else self.figure(bar.what)
        return Verdict(bar, figure, bar.holds(figure.median))

    @cached_property
    def exponents(self) -> dict[str, float]:
        """How each series grows along the axis: 0 for constant, 1 for linear.

        It is the slope of a straight line through the medians on logarithmic scales.
        """
        found = {}
        for series in dict.fromkeys(series for series, _ in self.comparison.points.values()):
            places = [
                (math.log(place), math.log(self.figure(variant).median))
                for variant, (whose, place) in self.comparison.points.items()
                if whose == series and place > 0 and variant in self.values
            ]
            if len(places) > 1:
                found[series] = _slope(places)
        return found


def _slope(points: Sequence[tuple[float, float]]) -> float:
    middle_x = sum(x for x, _ in points) / len(points)
    middle_y = sum(y for _, y in points) / len(points)
    rise = sum((x - middle_x) * (y - middle_y) for x, y in points)
    return rise / sum((x - middle_x) ** 2 for x, _ in points)


def run(comparison: Comparison, rounds: int | None = None) -> Result:
    """Measure every variant once a round, in another order each time.

    Args:
        comparison: what to measure.
        rounds: how often, where not as often as the comparison says.
    """
    values: dict[str, list[float]] = {name: [] for name in comparison.variants}
    order = list(comparison.variants)
    shuffle = random.Random(comparison.name).shuffle
    for _ in range(rounds or comparison.rounds):
        shuffle(order)
        for name in order:
            gc.collect()
            values[name].append(comparison.variants[name]())
    return Result(comparison, values)


def nanoseconds(statement: str, calls: int, loops: int = 1, **names: Any) -> Measurement:
    """Measure Python code of this process: nanoseconds of processor time for one call.

    Args:
        statement: the code; the loop around it costs some ten nanoseconds.
        calls: how often it is run for one measurement.
        loops: how many calls the statement itself makes.
        names: what the names in it stand for.
    """
    timer = timeit.Timer(statement, timer=thread_time, globals=names)
    return lambda: timer.timeit(calls) / (calls * loops) * _NANOSECONDS
