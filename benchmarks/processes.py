"""What the system knows of a process and of all that it has started."""

from __future__ import annotations

from pathlib import Path
from time import clock_gettime


def family(process: int) -> list[int]:
    """Name a process and its descendants that live."""
    found = [process]
    for each in found:
        found += map(int, Path(f"/proc/{each}/task/{each}/children").read_text().split())
    return found


def processor_seconds(process: int) -> float:
    """Give the processor seconds that a process and its living descendants have used."""
    return sum(map(_processor_seconds, family(process)))


def _processor_seconds(process: int) -> float:
    """Read the clock of another process: see clock_getcpuclockid(3) for its number."""
    try:
        return clock_gettime((~process << 3) | 2)
    except OSError:  # it has ended
        return 0.0
