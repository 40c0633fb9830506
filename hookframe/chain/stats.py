"""What a host counts: decisions, votes, errors, and how long plugins take; and sums of such counts.

Nothing here is touched by an attempt about which every plugin returns None: whoever counts the
attempts knows how many are left.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, TypedDict

PERCENTILES: Final = (50, 90, 99)
_NANOSECONDS_PER_MICROSECOND: Final = 1000
_BUCKETS_PER_DOUBLING: Final = 16
"""Buckets for each doubling of the time: none is wider than 1/16 of its lower end."""
_BITS: Final = _BUCKETS_PER_DOUBLING.bit_length()
_LONGEST: Final = (1 << 42) - 1
"""The longest time in nanoseconds that is told apart from longer ones: more than an hour."""


class Latency(TypedDict):
    """How long the calls of one plugin took, as far as they were timed."""

    first: int
    """the number of the first bucket: see `bucket_of`"""
    counts: list[int]
    """how many calls are in that bucket, and in each of those behind it"""
    max: int
    """nanoseconds"""


class PluginCounts(TypedDict):
    """What one plugin has done."""

    votes: dict[str, int]
    """by action; a plugin that returned None did not vote"""
    errors: int
    latency: Latency


class Counts(TypedDict):
    """A snapshot of a host's statistics, or a sum of such: what JSON can say, and no more."""

    decisions: dict[str, int]
    """by action; of the normal ones only those that carry a key"""
    temporary_failures: dict[str, int]
    """by kind"""
    plugins: dict[str, PluginCounts]


class Microseconds(TypedDict):
    """The percentiles of a plugin's time, within 3 %, but for the longest, which is exact."""

    p50: float
    p90: float
    p99: float
    max: float
    samples: int


class Count:
    """How often something has happened: whoever counts it keeps this at hand."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = 0


class _Counts(dict[str, Count]):
    """Counts by action, made when there is something to count."""

    def __missing__(self, action: str) -> Count:
        count = self[action] = Count()
        return count


class _PluginCounter:
    """The counts of one plugin."""

    __slots__ = ("buckets", "errors", "longest", "votes")

    def __init__(self) -> None:
        self.votes = _Counts()
        self.errors = 0
        self.buckets: dict[int, int] = {}
        self.longest = 0

    def add(self, more: PluginCounts) -> None:
        """Count what another host has counted of this plugin."""
        for action, votes in more["votes"].items():
            self.votes[action].number += votes
        self.errors += more["errors"]
        latency = more["latency"]
        for bucket, count in enumerate(latency["counts"], latency["first"]):
            if count:
                self.buckets[bucket] = self.buckets.get(bucket, 0) + count
        self.longest = max(self.longest, latency["max"])

    def counts(self) -> PluginCounts:
        """Give a copy."""
        buckets = dict(self.buckets)
        first, last = min(buckets, default=0), max(buckets, default=-1)
        counts = [buckets.get(bucket, 0) for bucket in range(first, last + 1)]
        return {
            "votes": {action: count.number for action, count in dict(self.votes).items()},
            "errors": self.errors,
            "latency": {"first": first, "counts": counts, "max": self.longest},
        }


class _PluginCounters(dict[str, _PluginCounter]):
    """The counts of each plugin, made when there is something to count."""

    def __missing__(self, plugin: str) -> _PluginCounter:
        counter = self[plugin] = _PluginCounter()
        return counter


class Statistics:
    """The counts of one host, over all its generations. None ever goes down."""

    def __init__(self) -> None:
        self._decisions: dict[str, int] = {}
        self._temporary_failures: dict[str, int] = {}
        self._plugins = _PluginCounters()

    def count_decision(self, action: str) -> None:
        """Count a decision that is not the bare normal one."""
        self._decisions[action] = self._decisions.get(action, 0) + 1

    def count_temporary_failure(self, kind: str) -> None:
        """Count an attempt that ended in an error.

        Args:
            kind: one of `KINDS`.
        """
        self._temporary_failures[kind] = self._temporary_failures.get(kind, 0) + 1

    def count_vote(self, plugin: str, action: str) -> None:
        """Count what a plugin returned, once it is checked."""
        self.get_vote_count(plugin, action).number += 1

    def get_vote_count(self, plugin: str, action: str) -> Count:
        """Give the count of such votes, to be counted on by whoever has many."""
        return self._plugins[plugin].votes[action]

    def count_error(self, plugin: str) -> None:
        """Count an error of a plugin, whatever became of the attempt."""
        self._plugins[plugin].errors += 1

    def record_time(self, plugin: str, microseconds: float) -> None:
        """Count how long one call of a plugin took."""
        counter = self._plugins[plugin]
        nanoseconds = round(microseconds * _NANOSECONDS_PER_MICROSECOND)
        bucket = find_bucket(nanoseconds)
        counter.buckets[bucket] = counter.buckets.get(bucket, 0) + 1
        counter.longest = max(counter.longest, nanoseconds)

    def add(self, counts: Counts) -> None:
        """Count all that another host has counted."""
        _add(self._decisions, counts["decisions"])
        _add(self._temporary_failures, counts["temporary_failures"])
        for name, plugin in counts["plugins"].items():
            self._plugins[name].add(plugin)

    def snapshot(self) -> Counts:
        """Give a copy of all counts; another thread may go on counting meanwhile."""
        return {
            "decisions": dict(self._decisions),
            "temporary_failures": dict(self._temporary_failures),
            "plugins": {name: counter.counts() for name, counter in dict(self._plugins).items()},
        }


def merge(snapshots: Iterable[Counts]) -> Counts:
    """Add up the counts of several hosts.

    Args:
        snapshots: their snapshots, or sums of such; none is changed.
    """
    total = Statistics()
    for each in snapshots:
        total.add(each)
    return total.snapshot()


def make_empty_counts() -> PluginCounts:
    """Give the counts of a plugin that has not been called."""
    return _PluginCounter().counts()


def _add(total: dict[str, int], more: Mapping[str, int]) -> None:
    for key, count in more.items():
        total[key] = total.get(key, 0) + count


def find_bucket(nanoseconds: int) -> int:
    """Give the number of the bucket that a time falls into.

    Below 32 ns each number of nanoseconds has a bucket of its own; from there on each doubling
    has 16 of equal width.
    """
    if nanoseconds < 2 * _BUCKETS_PER_DOUBLING:
        return max(nanoseconds, 0)
    value = min(nanoseconds, _LONGEST)
    shift = value.bit_length() - _BITS
    return shift * _BUCKETS_PER_DOUBLING + (value >> shift)


def _find_middle(bucket: int) -> float:
    """Give the time in nanoseconds that stands for all those in a bucket."""
    shift = max(bucket // _BUCKETS_PER_DOUBLING - 1, 0)
    lowest = (bucket - shift * _BUCKETS_PER_DOUBLING) << shift
    return lowest + ((1 << shift) - 1) / 2


def percentiles(latency: Latency) -> Microseconds | None:
    """Say how long a plugin takes.

    Args:
        latency: how long its calls took.

    Returns:
        Percentiles by nearest rank, in microseconds; None where no call was timed.
    """
    samples = sum(latency["counts"])
    if not samples:
        return None
    longest = latency["max"]
    p50, p90, p99 = (
        min(_find_rank(latency, -(-samples * percent // 100)), longest) for percent in PERCENTILES
    )
    return {
        "p50": _to_microseconds(p50),
        "p90": _to_microseconds(p90),
        "p99": _to_microseconds(p99),
        "max": _to_microseconds(longest),
        "samples": samples,
    }


def _find_rank(latency: Latency, rank: int) -> float:
    """Give the time of the call that is so many from the shortest one."""
    passed = 0
    for bucket, count in enumerate(latency["counts"], latency["first"]):
        passed += count
        if passed >= rank:
            return _find_middle(bucket)
    return 0.0


def _to_microseconds(nanoseconds: float) -> float:
    return round(nanoseconds / _NANOSECONDS_PER_MICROSECOND, 3)
