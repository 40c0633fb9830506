"""The daemon's status: one document, built from the parts that its processes publish.

A process publishes its part as JSON on the scoreboard, and any of them builds the document. The
times in parts are of the monotonic clock; the document has ages.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from time import monotonic
from typing import TYPE_CHECKING, Any, Final, NotRequired, TypedDict

from hookframe import __version__
from hookframe.api.decision import ACTIONS
from hookframe.api.events import KINDS
from hookframe.chain.stats import (
    Counts,
    LastError,
    Microseconds,
    make_empty_counts,
    merge,
    percentiles,
)
from hookframe.daemon.process import read_memory
from hookframe.daemon.recent import Piece, add_pieces

if TYPE_CHECKING:
    from hookframe.chain.stats import PluginCounts
    from hookframe.daemon.protocols.base import Decider
    from hookframe.host.generation import Generation
    from hookframe.plugins.plugin import Plugin

_SERVING_ROLES: Final = ("worker", "stand-in")
"""The roles that answer clients."""


class ChainMember(TypedDict):
    """One place in the chain."""

    plugin: str
    distribution: str
    version: str
    mode: str
    shadow_of: NotRequired[str | None]
    """the member with which its votes are compared; older daemons don't have it"""
    file: str
    """the file of its hook; empty if there is none"""


class WorkerPart(TypedDict):
    """The part of one process."""

    pid: int
    started: float
    memory: int
    connections: int
    generation: int | None
    problem: str
    chain: list[ChainMember]
    last_load_error: LastError | None
    attempts: int
    counts: Counts
    recent: list[Piece]


class Past(TypedDict):
    """The sums of the workers that have exited."""

    attempts: int
    unaccounted: int
    """the number of these attempts whose outcome is unknown"""
    counts: Counts
    recent: list[Piece]


class SupervisorPart(TypedDict):
    """The supervisor's part."""

    pid: int
    started: float
    restarts: dict[str, int]
    """by reason"""
    roles: dict[str, str]
    """by process id"""
    past: Past
    generation: int | None
    digest: str
    versions: dict[str, str]
    problem: str
    last_load_error: LastError | None
    notes: list[str]


class WorkerStatus(TypedDict):
    """One process in the document."""

    pid: int
    role: str
    uptime: float
    memory: int
    connections: int
    generation: int | None
    problem: str


class LastMinute(TypedDict):
    """What became of the attempts of the last minute."""

    attempts: int
    temporary_failures: int


class PluginStatus(TypedDict):
    """One plugin in the document."""

    votes: dict[str, int]
    errors: int
    last_error: NotRequired[LastError | None]
    """the last error of it; older daemons don't have it"""
    agreements: NotRequired[int]
    """of a shadow that is compared with another member; older daemons have neither"""
    differences: NotRequired[int]
    microseconds: Microseconds | None


class Document(TypedDict):
    """The status of a daemon; docs/status.md describes each key."""

    hookframe: str
    pid: int
    uptime: float
    generation: int | None
    digest: str
    versions: dict[str, str]
    problem: str
    notes: list[str]
    last_load_error: LastError | None
    restarts: dict[str, int]
    workers: list[WorkerStatus]
    chain: list[ChainMember]
    attempts: int
    decisions: dict[str, int]
    temporary_failures: dict[str, int]
    unaccounted: int
    last_minute: NotRequired[LastMinute]
    """older daemons don't have it"""
    plugins: dict[str, PluginStatus]


def build_worker_part(host: Decider, attempts: int, connections: int, started: float) -> WorkerPart:
    """Build this process's part.

    Args:
        host: decides here.
        attempts: the number of its attempts, temporary failures included.
        connections: the number of connected clients.
        started: when it started, by the monotonic clock.
    """
    problem = host.problem  # before the generation: if that goes now, the problem is there
    pid, generation, failed = os.getpid(), host.generation, host.last_load_error
    return {
        "pid": pid,
        "started": started,
        "memory": read_memory(pid),
        "connections": connections,
        "generation": generation.number if generation is not None else None,
        "problem": problem,
        "chain": _build_chain(generation) if generation is not None else [],
        "last_load_error": {"text": failed[0], "at": failed[1]} if failed else None,
        "attempts": attempts,
        "counts": host.statistics.snapshot(),
        "recent": [],
    }


def _build_chain(generation: Generation) -> list[ChainMember]:
    return [_build_member(plugin, generation) for plugin in generation.plugins]


def _build_member(plugin: Plugin, generation: Generation) -> ChainMember:
    policy = generation.config.table(plugin.name).policy
    return {
        "plugin": plugin.name,
        "distribution": plugin.origin.distribution,
        "version": plugin.origin.version,
        "mode": policy.mode,
        "shadow_of": policy.shadow_of,
        "file": plugin.file,
    }


def make_empty_past() -> Past:
    """Build the sums of a daemon none of whose workers has exited."""
    return {"attempts": 0, "unaccounted": 0, "counts": merge(()), "recent": []}


def add_past(past: Past, part: WorkerPart | None, unaccounted: int = 0) -> Past:
    """Add the counts of a worker that has exited.

    Args:
        past: the sums so far.
        part: its last part; None if it published none.
        unaccounted: the number of its attempts since then.
    """
    total: Past = {
        **past,
        "attempts": past["attempts"] + unaccounted,
        "unaccounted": past["unaccounted"] + unaccounted,
    }
    if part is None:
        return total
    return {
        **total,
        "attempts": total["attempts"] + part["attempts"],
        "counts": merge((past["counts"], part["counts"])),
        "recent": add_pieces((past["recent"], part["recent"]), monotonic()),
    }


def build_lone_supervisor_part(part: WorkerPart) -> SupervisorPart:
    """Build the supervisor's part for a process without one."""
    return {
        "pid": part["pid"],
        "started": part["started"],
        "restarts": {},
        "roles": {str(part["pid"]): _SERVING_ROLES[0]},
        "past": make_empty_past(),
        "generation": part["generation"],
        "digest": "",
        "versions": {},
        "problem": part["problem"],
        "last_load_error": part["last_load_error"],
        "notes": [],
    }


def build_document(supervisor: SupervisorPart, parts: Iterable[WorkerPart], now: float) -> Document:
    """Build the document of the whole daemon.

    Args:
        supervisor: the supervisor's part.
        parts: the parts of the other processes; one without a role still counts.
        now: the time, by the monotonic clock.
    """
    parts, roles, past = list(parts), supervisor["roles"], supervisor["past"]
    serving = [part for part in parts if roles.get(str(part["pid"])) in _SERVING_ROLES]
    chain = next((part["chain"] for part in serving if part["chain"]), [])
    counts = merge((past["counts"], *(part["counts"] for part in parts)))
    attempts = past["attempts"] + sum(part["attempts"] for part in parts)
    problems = [supervisor["problem"], *(part["problem"] for part in serving)]
    problem = "; ".join(dict.fromkeys(filter(None, problems)))
    return {
        "hookframe": __version__,
        "pid": supervisor["pid"],
        "uptime": _compute_age(supervisor["started"], now),
        "generation": supervisor["generation"],
        "digest": supervisor["digest"],
        "versions": supervisor["versions"],
        "problem": problem or ("" if serving else "no worker serves at the moment"),
        "notes": supervisor["notes"],
        "last_load_error": supervisor["last_load_error"],
        "restarts": supervisor["restarts"],
        "workers": [
            _build_worker(part, roles[str(part["pid"])], now)
            for part in parts
            if str(part["pid"]) in roles
        ],
        "chain": chain,
        "attempts": attempts,
        "decisions": {action: counts["decisions"].get(action, 0) for action in ACTIONS},
        "temporary_failures": {kind: counts["temporary_failures"].get(kind, 0) for kind in KINDS},
        "unaccounted": past["unaccounted"],
        "last_minute": _sum_up([past["recent"], *(part["recent"] for part in parts)], now),
        "plugins": _build_plugins(chain, counts),
    }


def _sum_up(recent: Iterable[Iterable[Piece]], now: float) -> LastMinute:
    pieces = add_pieces(recent, now)
    return {
        "attempts": sum(attempts for _, attempts, _ in pieces),
        "temporary_failures": sum(failures for _, _, failures in pieces),
    }


def _build_worker(part: WorkerPart, role: str, now: float) -> WorkerStatus:
    return {
        "pid": part["pid"],
        "role": role,
        "uptime": _compute_age(part["started"], now),
        "memory": part["memory"],
        "connections": part["connections"],
        "generation": part["generation"],
        "problem": part["problem"],
    }


def _build_plugins(chain: Sequence[ChainMember], counts: Counts) -> dict[str, PluginStatus]:
    """Build the status of each plugin, those of the chain first, in its order."""
    known = counts["plugins"]
    names = dict.fromkeys((*(member["plugin"] for member in chain), *sorted(known)))
    return {name: _build_plugin(known.get(name) or make_empty_counts()) for name in names}


def _build_plugin(counts: PluginCounts) -> PluginStatus:
    return {
        "votes": counts["votes"],
        "errors": counts["errors"],
        "last_error": counts["last_error"],
        "agreements": counts["agreements"],
        "differences": counts["differences"],
        "microseconds": percentiles(counts["latency"]),
    }


def _compute_age(moment: float, now: float) -> float:
    return round(max(0.0, now - moment), 1)


def decode(text: bytes) -> Any:
    """Decode a part that a process has published."""
    return json.loads(text)
