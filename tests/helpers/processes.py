"""The processes that the system shows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """One process of the system."""

    pid: int
    name: str
    state: str
    parent: int


def processes() -> Iterator[Process]:
    """Every process that the system shows."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                begin, _, rest = (entry / "stat").read_text("utf-8", "replace").rpartition(")")
            except OSError:  # it has just ended
                continue
            state, parent, *_ = rest.split()
            yield Process(int(entry.name), begin.partition("(")[2], state, int(parent))


def gone(pid: int) -> bool:
    """Whether there is no such process, or only what nobody has waited for."""
    return all(each.pid != pid or each.state == "Z" for each in processes())
