"""Notice that pip has installed other versions than those that run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Final

import hookframe
from hookframe.plugins.versions import describe_upgrades, installed_versions

_OWN: Final = (
    "hookframe",
    "pluggy",
    "importlib-metadata",
    "watchdog",
    "loguru",
    "msgspec",
    "click",
    "rich",
)
"""hookframe and what it depends on: imported before the first fork, so that a restart is needed."""
_INTERVAL: Final = 60.0
"""Seconds between two looks at the metadata."""


class UpgradeCheck:
    """Compares installed versions with those that run, in a thread of its own.

    Args:
        report: takes a sentence for each difference, when they have changed.
    """

    def __init__(self, report: Callable[[tuple[str, ...]], object]) -> None:
        self._report = report
        self._running: SimpleQueue[Mapping[str, str]] = SimpleQueue()
        self._own = installed_versions(_OWN)
        self._own["hookframe"] = hookframe.__version__

    def compare(self, versions: Mapping[str, str]) -> None:
        """Take the versions of the plugins that run from now on."""
        self._running.put(versions)

    def run(self) -> None:
        """Compare at each change of what runs, and regularly."""
        running: Mapping[str, str] = {}
        told: tuple[str, ...] = ()
        while True:
            with suppress(Empty):
                running = self._running.get(timeout=_INTERVAL)
            wanted = {**self._own, **running}
            texts = tuple(describe_upgrades(wanted, installed_versions(wanted)))
            if texts != told:
                told = texts
                self._report(texts)
