"""Plugins as their authors write them in a test."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from time import monotonic, monotonic_ns

from hookframe import hookimpl


class Hold:
    """Defers what its settings name."""

    def __init__(self):
        self.domains = frozenset()

    @hookimpl
    def configure(self, settings):
        if list(settings) != ["domains"]:
            raise ValueError("set domains, and nothing else")
        self.domains = frozenset(settings["domains"])

    @hookimpl
    def pre_delivery_attempt(self, attempt):
        if attempt["recipient"].rpartition("@")[2] in self.domains:
            return {"action": "pause", "message": "On hold"}
        return None


class SlowStart:
    """Counts what it has seen in the state."""

    @hookimpl
    def pre_delivery_attempt(self, state):
        state["seen"] = state.get("seen", 0) + 1


class Bounce:
    """Bounces everything."""

    @hookimpl
    def pre_delivery_attempt(self):
        return {"action": "dump", "message": "No"}


class Broken:
    """Prints, and fails."""

    @hookimpl
    def pre_delivery_attempt(self):
        print("before it fails")
        return {"action": "pause", "message": 1 / 0}


class Watch:
    """Tells every clock that it can read, in its state."""

    @hookimpl
    def configure(self):
        self.configured = time.time()

    @hookimpl
    def pre_delivery_attempt(self, state):
        state.update(
            configured=self.configured,
            time=time.time(),
            now=datetime.now(UTC),
            monotonic=time.monotonic(),
            imported=monotonic(),
            nanoseconds=monotonic_ns(),
            local=time.localtime().tm_year,
        )
