"""One module a subject; each yields its comparisons, and keeps up what they need meanwhile.

    def comparisons(lab: Lab) -> Iterator[Comparison]: ...

A comparison is measured when it is yielded, so what it needs may stand in a `with` around the
`yield`. Its name begins with the name of the module, with hyphens for underscores.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmarks.lab import Lab
    from benchmarks.measure import Comparison


def subjects() -> list[str]:
    """Name every subject."""
    return sorted(module.name.replace("_", "-") for module in iter_modules(__path__))


def chosen(names: Sequence[str], lab: Lab) -> Iterator[Comparison]:
    """Give the comparisons of these names, one after another.

    Args:
        names: subjects, or comparisons; all where there are none.
        lab: where they are made.
    """
    for subject in subjects():
        if not any(_of(name, subject) for name in names) and names:
            continue
        module = import_module(f"{__name__}.{subject.replace('-', '_')}")
        for comparison in module.comparisons(lab):
            if not names or any(_of(comparison.name, name) for name in names):
                yield comparison


def _of(comparison: str, subject: str) -> bool:
    return comparison == subject or comparison.startswith(f"{subject}-")
