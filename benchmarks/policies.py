"""Plugins to measure with, installed as any author's are; and hosts with chains of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module, invalidate_caches
from pathlib import Path
from typing import Any, Final

from benchmarks.lab import ATTEMPT, Lab
from benchmarks.measure import Measurement, nanoseconds
from hookframe import Host
from hookframe.config.model import Config
from hookframe.log.log import Log

_PLUGINS: Final = '''
from hookframe import hookimpl


class Nothing:
    """Returns nothing."""

    @hookimpl
    def pre_delivery_attempt(self, attempt, decision, state):
        return None


class Decides:
    """Returns a decision."""

    @hookimpl
    def pre_delivery_attempt(self, attempt, decision, state):
        return {"action": "new_mtaid", "new_mtaid": "smtp2"}


class Wraps:
    """Surrounds the chain, and changes nothing."""

    @hookimpl(wrapper=True)
    def pre_delivery_attempt(self):
        return (yield)


class Observes(Nothing):
    """Looks at every decision."""

    @hookimpl
    def decided(self, attempt, decision, trace):
        pass
'''
KINDS: Final = ("Nothing", "Decides", "Wraps", "Observes")
WARMING: Final = 100
MOST: Final = 100
"""So many plugins of each kind can be in a chain: `nothing0` to `nothing99`."""


def install(lab: Lab) -> Any:
    """Install the plugins for this process; return their module."""
    points = {
        f"{kind.lower()}{number}": f"measured_plugins:{kind}"
        for kind in KINDS
        for number in range(MOST)
    }
    return install_distribution(lab.fresh(), "measured_plugins", _PLUGINS, points)


def install_distribution(
    directory: Path, module: str, source: str, points: Mapping[str, str]
) -> Any:
    """Lay down a distribution of one module, and have this process find it.

    Args:
        directory: an empty one.
        module: its name.
        source: its code.
        points: the object reference of each plugin, by name.
    """
    (directory / f"{module}.py").write_text(source)
    metadata = directory / f"{module}-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {module}\nVersion: 1.0\n")
    lines = "".join(f"{name} = {reference}\n" for name, reference in points.items())
    (metadata / "entry_points.txt").write_text(f"[hookframe]\n{lines}")
    sys.path.insert(0, str(directory))
    invalidate_caches()
    return import_module(module)


@contextmanager
def host(config: Config, log: Log | None = None) -> Iterator[Host]:
    """Open a host that does all that it does by default, but for watching files.

    Args:
        config: its policy.
        log: where it writes; None for nowhere.
    """
    with Host.of(config, watch=False, interrupt=True, log=log) as opened:
        if opened.problem:
            sys.exit(opened.problem)
        yield opened


def deciding(config: Config, calls: int) -> Measurement:
    """Measure `Host.decide` with a host of its own: nanoseconds for one attempt.

    It is opened for each measurement, as two hosts in one process would take turns in standing
    for standard output, which no program has them do.
    """

    def measure() -> float:
        with host(config) as opened:
            decide = nanoseconds(
                "decide(attempt)", calls, decide=opened.decide, attempt={**ATTEMPT}
            )
            for _ in range(WARMING):
                opened.decide(ATTEMPT)
            return decide()

    return measure
