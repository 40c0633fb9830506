"""Counts of a host: decisions, votes, errors, and times of plugins; and sums of such counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from time import time
from typing import Final, TypedDict

PERCENTILES: Final = (50, 90, 99)
_NANOSECONDS_PER_MICROSECOND: Final = 1000
_BUCKETS_PER_DOUBLING: Final = 16
"""Buckets for each doubling of the time: none is wider than 1/16 of its lower end."""
_BITS: Final = _BUCKETS_PER_DOUBLING.bit_length()
_LONGEST_ERROR: Final = 300
"""Characters of the text of an error that are kept."""
_LONGEST: Final = (1 << 42) - 1
"""Times in nanoseconds beyond this one, more than an hour, count as this."""


class Latency(TypedDict):
    """Histogram of the timed calls of one plugin."""

    first: int
    """the number of the first bucket: see `find_bucket`"""
    counts: list[int]
    """the number of calls in this bucket and in each that follows"""
    max: int
    """nanoseconds"""


class LastError(TypedDict):
    """The last error of a kind."""

    text: str
    at: float
    """its UNIX time"""


class PluginCounts(TypedDict):
    """The counts of one plugin."""

    votes: dict[str, int]
    """by action; a plugin that returned None did not vote"""
    errors: int
    last_error: LastError | None
    agreements: int
    """the attempts in which a shadow voted as the member that it is compared with"""
    differences: int
    """the attempts in which it did not"""
    latency: Latency


class Counts(TypedDict):
    """A snapshot of a host's statistics, or a sum of snapshots; serializable as JSON."""

    decisions: dict[str, int]
    """by action"""
    temporary_failures: dict[str, int]
    """by kind"""
    plugins: dict[str, PluginCounts]


class Microseconds(TypedDict):
    """Percentiles of a plugin's time, within 3 %; the maximum is exact."""

    p50: float
    p90: float
    p99: float
    max: float
    samples: int


class Count:
    """A counter, incremented by its holder."""

    __slots__ = ("number",)

    def __init__(self) -> None:
        self.number = 0


class _Counts(dict[str, Count]):
    """Counters by action, created on first use."""

    def __missing__(self, action: str) -> Count:
        count = self[action] = Count()
        return count


class _PluginCounter:
    """The counters of one plugin."""

    __slots__ = (
        "agreements",
        "buckets",
        "differences",
        "errors",
        "last_error",
        "longest",
        "votes",
    )

    def __init__(self) -> None:
        self.votes = _Counts()
        self.errors = self.agreements = self.differences = 0
        self.last_error: LastError | None = None
        self.buckets: dict[int, int] = {}
        self.longest = 0

    def add(self, more: PluginCounts) -> None:
        """Add another host's counts of this plugin."""
        for action, votes in more["votes"].items():
            self.votes[action].number += votes
        self.errors += more["errors"]
        errors = (self.last_error, more["last_error"])
        self.last_error = max(filter(None, errors), key=lambda each: each["at"], default=None)
        self.agreements += more["agreements"]
        self.differences += more["differences"]
        latency = more["latency"]
        for bucket, count in enumerate(latency["counts"], latency["first"]):
            if count:
                self.buckets[bucket] = self.buckets.get(bucket, 0) + count
        self.longest = max(self.longest, latency["max"])

    def counts(self) -> PluginCounts:
        """Return a copy."""
        buckets = dict(self.buckets)
        first, last = min(buckets, default=0), max(buckets, default=-1)
        counts = [buckets.get(bucket, 0) for bucket in range(first, last + 1)]
        return {
            "votes": {action: count.number for action, count in dict(self.votes).items()},
            "errors": self.errors,
            "last_error": self.last_error,
            "agreements": self.agreements,
            "differences": self.differences,
            "latency": {"first": first, "counts": counts, "max": self.longest},
        }


class _PluginCounters(dict[str, _PluginCounter]):
    """The counters of each plugin, created on first use."""

    def __missing__(self, plugin: str) -> _PluginCounter:
        counter = self[plugin] = _PluginCounter()
        return counter


class Statistics:
    """The counts of one host, over all its generations; none ever decreases."""

    def __init__(self) -> None:
        self.normal = 0
        """bare normal decisions; incremented by the host, as most decisions are such"""
        self._decisions: dict[str, int] = {}
        self._temporary_failures: dict[str, int] = {}
        self._plugins = _PluginCounters()

    def count_decision(self, action: str, by: int = 1) -> None:
        """Count a decision; bare normal ones may be counted by `normal` instead.

        Args:
            action: its action.
            by: 1, or -1 for one that turns out to be a temporary failure.
        """
        self._decisions[action] = self._decisions.get(action, 0) + by

    def count_temporary_failure(self, kind: str) -> None:
        """Count an attempt that ended in an error.

        Args:
            kind: one of `KINDS`.
        """
        self._temporary_failures[kind] = self._temporary_failures.get(kind, 0) + 1

    def count_vote(self, plugin: str, action: str) -> None:
        """Count a checked vote of a plugin."""
        self.get_vote_count(plugin, action).number += 1

    def get_vote_count(self, plugin: str, action: str) -> Count:
        """Return the counter of these votes; the caller may increment it."""
        return self._plugins[plugin].votes[action]

    def count_error(self, plugin: str, text: str) -> None:
        """Count an error of a plugin, skipped or not.

        Args:
            plugin: the plugin's name.
            text: the error.
        """
        counter = self._plugins[plugin]
        counter.errors += 1
        counter.last_error = {"text": text[:_LONGEST_ERROR], "at": time()}

    def count_comparison(self, plugin: str, *, agree: bool) -> None:
        """Count an attempt in which a shadow was compared with another member."""
        counter = self._plugins[plugin]
        if agree:
            counter.agreements += 1
        else:
            counter.differences += 1

    def record_time(self, plugin: str, microseconds: float) -> None:
        """Record the time of one call of a plugin."""
        counter = self._plugins[plugin]
        nanoseconds = round(microseconds * _NANOSECONDS_PER_MICROSECOND)
        bucket = find_bucket(nanoseconds)
        counter.buckets[bucket] = counter.buckets.get(bucket, 0) + 1
        counter.longest = max(counter.longest, nanoseconds)

    def add(self, counts: Counts) -> None:
        """Add the counts of another host."""
        _add(self._decisions, counts["decisions"])
        _add(self._temporary_failures, counts["temporary_failures"])
        for name, plugin in counts["plugins"].items():
            self._plugins[name].add(plugin)

    def snapshot(self) -> Counts:
        """Return a copy of all counts; another thread may count at the same time."""
        decisions = dict(self._decisions)
        if self.normal:
            decisions["normal"] = decisions.get("normal", 0) + self.normal
        return {
            "decisions": decisions,
            "temporary_failures": dict(self._temporary_failures),
            "plugins": {name: counter.counts() for name, counter in dict(self._plugins).items()},
        }


def merge(snapshots: Iterable[Counts]) -> Counts:
    """Add up the counts of several hosts.

    Args:
        snapshots: their snapshots or sums; none is changed.
    """
    total = Statistics()
    for each in snapshots:
        total.add(each)
    return total.snapshot()


def make_empty_counts() -> PluginCounts:
    """Return the counts of a plugin that was never called."""
    return _PluginCounter().counts()


def _add(total: dict[str, int], more: Mapping[str, int]) -> None:
    for key, count in more.items():
        total[key] = total.get(key, 0) + count


def find_bucket(nanoseconds: int) -> int:
    """Return the number of the bucket of a time.

    Below 32 ns each nanosecond has its own bucket; above, each doubling has 16 of equal width.
    """
    if nanoseconds < 2 * _BUCKETS_PER_DOUBLING:
        return max(nanoseconds, 0)
    value = min(nanoseconds, _LONGEST)
    shift = value.bit_length() - _BITS
    return shift * _BUCKETS_PER_DOUBLING + (value >> shift)


def _find_middle(bucket: int) -> float:
    """Return the time in nanoseconds that represents a bucket."""
    shift = max(bucket // _BUCKETS_PER_DOUBLING - 1, 0)
    lowest = (bucket - shift * _BUCKETS_PER_DOUBLING) << shift
    return lowest + ((1 << shift) - 1) / 2


def percentiles(latency: Latency) -> Microseconds | None:
    """Compute the percentiles of a plugin's time.

    Args:
        latency: the histogram of its calls.

    Returns:
        Percentiles by nearest rank, in microseconds; None if no call was timed.
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
    """Return the time of the call with this rank, counted from the shortest."""
    passed = 0
    for bucket, count in enumerate(latency["counts"], latency["first"]):
        passed += count
        if passed >= rank:
            return _find_middle(bucket)
    return 0.0


def _to_microseconds(nanoseconds: float) -> float:
    return round(nanoseconds / _NANOSECONDS_PER_MICROSECOND, 3)
