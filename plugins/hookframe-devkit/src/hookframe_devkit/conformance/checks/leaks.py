"""Leaks of equal calls: memory, descriptors, threads."""

from __future__ import annotations

import gc
import os
import threading
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hookframe_devkit.conformance.probes.locations import Location, Locations

WINDOW: Final = 1000
"""The number of calls in a window."""
_AT_FIRST: Final = (1, 1, 1)
_AT_LEAST: Final = (2, 4, 8)
"""The number of windows between two measurements; the second row only if the first seems to leak.

A bounded cache is full by then, and a growing list, which allocates an eighth of its length at a
time, has allocated between any two measurements.
"""
_KINDS: Final = ("bytes of memory", "bytes of memory outside Python", "open files", "threads")
_LEAST: Final = (2.0, 64.0, 0.002, 0.002)
"""The least growth for each call that is a leak, on average of each window."""
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class _Look:
    """The resources of the process at one moment."""

    traced: int
    resident: int
    descriptors: int
    threads: int


@dataclass(frozen=True, slots=True)
class Leak:
    """A leak of each call.

    Args:
        text: what and how much.
        place: the line that allocated most of it.
    """

    text: str
    place: Location


def find_leak(window: Callable[[], object], locations: Locations) -> Leak | None:
    """Make equal calls, and find what each leaves behind.

    Args:
        window: makes `WINDOW` calls.
        locations: finds the plugin's lines.

    Returns:
        The leak; None if at least one window left nothing behind.
    """
    tracemalloc.start()
    try:
        window()
        window()
        first, before = tracemalloc.take_snapshot(), _look()
        grown: list[list[float]] = []
        for windows in (*_AT_FIRST, *_AT_LEAST):
            if len(grown) >= len(_AT_FIRST) and not _grows(grown):
                break
            for _ in range(windows):
                window()
            now, calls = _look(), windows * WINDOW
            grown.append([(b - a) / calls for a, b in zip(before, now, strict=True)])
            before = now
        leaking = _grows(grown)
        if not leaking:
            return None
        place = _place(first, locations) if leaking[0] == 0 else locations.hook
        return Leak(_in_words(grown, leaking), place)
    finally:
        tracemalloc.stop()


def _look() -> Sequence[int]:
    gc.collect()
    with open("/proc/self/statm", "rb") as file:  # noqa: PTH123
        resident = int(file.read().split()[1]) * _PAGE
    descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    traced = tracemalloc.get_traced_memory()[0]
    return astuple(_Look(traced, resident, descriptors, threading.active_count()))


def _grows(grown: Sequence[Sequence[float]]) -> list[int]:
    """Return the indexes of the kinds that grew in every window."""
    return [
        kind for kind, least in enumerate(_LEAST) if all(window[kind] >= least for window in grown)
    ]


def _in_words(grown: Sequence[Sequence[float]], leaking: Sequence[int]) -> str:
    calls = sum((*_AT_FIRST, *_AT_LEAST)) * WINDOW
    parts = []
    for kind in leaking:
        if kind == 1 and 0 in leaking:
            continue  # it is the same memory
        each = sum(window[kind] for window in grown) / len(grown)
        parts.append(f"{each:.2g} {_KINDS[kind]}" if each < 1 else f"{each:.0f} {_KINDS[kind]}")
    return f"each call leaves {' and '.join(parts)} behind, through {calls:,} equal calls"


def _place(first: tracemalloc.Snapshot, locations: Locations) -> Location:
    """Find the plugin's line that allocated most of the new memory."""
    grown = tracemalloc.take_snapshot().compare_to(first, "lineno")
    for each in grown:
        frame = each.traceback[0]
        if each.size_diff > 0 and locations.is_own(frame.filename):
            return frame.filename, frame.lineno
    return locations.hook
