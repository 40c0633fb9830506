"""What the system knows of a process and of all that it has started."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Final

_NANOSECONDS: Final = 1_000_000_000


def family(process: int) -> list[int]:
    """Name a process and its descendants that live."""
    children = defaultdict(list)
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(status.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it has ended meanwhile
        children[parent].append(int(status.parent.name))
    found = [process]
    for each in found:
        found += children[each]
    return found


def processor_seconds(process: int) -> float:
    """Give the processor seconds that a process and its living descendants have used.

    They are taken from the scheduler, which counts nanoseconds of each thread; `stat` and `times`
    count ticks of ten milliseconds.
    """
    threads = (
        thread
        for each in family(process)
        for thread in Path(f"/proc/{each}/task").glob("*/schedstat")
    )
    return sum(int(thread.read_text().split()[0]) for thread in threads) / _NANOSECONDS
