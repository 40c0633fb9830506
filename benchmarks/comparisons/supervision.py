"""What the supervision of `hookframe serve` costs, and how soon a killed worker is replaced.

The supervised daemon answers beside `hookframe serve --unsupervised` with one policy. What a
worker writes into shared memory before each attempt is timed alone. A kill is timed from the
SIGKILL of the worker to the answer that a client gets who waits meanwhile.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import timeit
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from itertools import cycle
from time import perf_counter, sleep, thread_time
from typing import Final

from benchmarks.comparisons.daemon import PATTERNS, Pattern, Requests, Server
from benchmarks.daemons import Daemon, daemon, line
from benchmarks.lab import Lab
from benchmarks.measure import Bar, Comparison, Measurement, Several
from hookframe.daemon.scoreboard import ATTEMPT as CELL
from hookframe.daemon.scoreboard import RequestMarker, Scoreboard
from hookframe.daemon.server.connection import SLICE

SUPERVISED, ALONE = "supervised", "unsupervised"
TOGETHER, SINGLY = f"one of {SLICE} that come together", "one that comes alone"
OF_AGE: Final = 0.6
"""Seconds for which a worker has to serve so that its death does not count as one too soon."""
SETTLING: Final = 0.02
TRIALS: Final = 60
_NORMAL: Final = "def pre_delivery_attempt(attempt): return None\n"
_SPINNING: Final = """
import re

CARELESS = re.compile("(a|aa)+$")


def pre_delivery_attempt(attempt):
    if attempt["recipient"] == "spin":
        print("spinning")
        CARELESS.match("a" * 80 + "!")
    return {"action": "pause", "message": "answered"}
"""
_ANSWERED: Final = "answered"


def comparisons(lab: Lab) -> Iterator[Comparison]:
    """Compare the rates, the stamps, and the ways of dying."""
    yield from _rates(lab)
    yield _stamps()
    with lab.everywhere(), ExitStack() as stack:
        # While one is tried the others' workers come of age.
        daemons = [stack.enter_context(daemon(lab.fresh(), _SPINNING)) for _ in range(3)]
        yield _kills(lab, daemons)


def _rates(lab: Lab) -> Iterator[Comparison]:
    """Compare pipelined requests, and those with a connection each."""
    requests = Requests.of(lab)
    with (
        daemon(lab.fresh(), _NORMAL) as supervised,
        daemon(lab.fresh(), _NORMAL, "--unsupervised") as alone,
    ):
        supervised.process("standby")
        # All of their answers are normal, as those of a server that has no policy.
        servers = {
            name: Server(lab, name, each.address, each.pid, requests.echoed)
            for name, each in ((SUPERVISED, supervised), (ALONE, alone))
        }

        def rate(server: Server, pattern: Pattern) -> Measurement:
            return lambda: server.ask(pattern, requests).rate

        for pattern in (PATTERNS[0], PATTERNS[-1]):
            yield Comparison(
                pattern.name.replace("daemon", "supervision"),
                pattern.title,
                "answers a second",
                more_is_better=True,
                variants={name: rate(server, pattern) for name, server in servers.items()},
                bars=(Bar(SUPERVISED, ALONE, at_least=0.9),),
                rounds=30,
                reference=ALONE,
            )


def _stamps() -> Comparison:
    return Comparison(
        "supervision-stamp",
        "What a worker notes of an attempt before it is decided",
        "ns",
        more_is_better=False,
        variants={TOGETHER: lambda: _stamp(SLICE), SINGLY: lambda: _stamp(1)},
        bars=(Bar(TOGETHER, at_most=100),),
    )


def _stamp(requests: int) -> float:
    """Measure what the stamp costs for each attempt, net of the loop.

    Args:
        requests: how many are answered at a stretch, for which one journal is written.
    """
    marker = RequestMarker(Scoreboard(1).acquire())
    waiting = [line()[:-1]] * requests

    def bare() -> None:
        number = marker.number
        for _ in range(requests):
            number += 1
        marker.number = number

    def stamped() -> None:
        fields, number = marker.fields, marker.number
        marker.slot.journal(number + 1, waiting, SLICE)
        for _ in range(requests):
            number += 1
            fields[CELL] = number
        marker.end(number)

    def nanoseconds(function: Callable[[], None]) -> float:
        calls = 10_000 // requests
        took = min(timeit.repeat(function, number=calls, repeat=20, timer=thread_time))
        return took / calls / requests * 1e9

    return nanoseconds(stamped) - nanoseconds(bare)


def _kills(lab: Lab, daemons: list[Daemon]) -> Comparison:
    """Compare a worker that loops in C, one that does nothing, and two in a row."""
    turns = cycle(daemons)
    trials = 3 if lab.quick else TRIALS
    ways: Mapping[str, Callable[[Daemon, int], float]]
    ways = {"in a loop in C": _spinning, "idle": _idle, "idle, and the next one too": _twice}
    variants: dict[str, Measurement] = {}
    bars: list[Bar] = []
    for name, way in ways.items():
        several = Several(lambda way=way: _percentiles(way, turns, trials))
        variants |= {f"{name}, {each}": several.figure(each) for each in ("median", "longest")}
        if way is not _twice:
            bars += [Bar(f"{name}, median", at_most=5), Bar(f"{name}, longest", at_most=50)]
    return Comparison(
        "supervision-kill",
        "From the SIGKILL of a worker to the next answer",
        "ms",
        more_is_better=False,
        variants=variants,
        bars=tuple(bars),
        rounds=1,
    )


def _percentiles(
    way: Callable[[Daemon, int], float], turns: Iterator[Daemon], trials: int
) -> Mapping[str, float]:
    times = sorted(_trial(way, next(turns)) for _ in range(trials))
    return {"median": times[len(times) // 2], "longest": times[-1]}


def _trial(way: Callable[[Daemon, int], float], daemon: Daemon) -> float:
    """Try a way of killing a worker that is of age, with a warm standby; return milliseconds.

    It ends when the next standby is ready: its start would disturb the next trial.
    """
    worker = daemon.process("worker", age=OF_AGE)
    daemon.process("standby", other_than=worker)
    sleep(SETTLING)
    milliseconds = way(daemon, worker)
    daemon.process("standby", other_than=daemon.process("worker", other_than=worker))
    return milliseconds


def _spinning(daemon: Daemon, worker: int) -> float:
    """Kill a worker that loops in C while a client waits."""
    with daemon.connect() as stuck:
        stuck.sendall(line(recipient="spin"))
        daemon.wait_for("spinning")
        with daemon.connect() as waiting:
            waiting.sendall(line())
            began = perf_counter()
            os.kill(worker, signal.SIGKILL)
            text = waiting.recv(4096)
            taken = (perf_counter() - began) * 1000
    if not text or json.loads(text)["message"] != _ANSWERED:
        sys.exit("the waiting client was not answered by the policy")
    return taken


def _idle(daemon: Daemon, worker: int) -> float:
    """Kill a worker that does nothing."""
    began = perf_counter()
    os.kill(worker, signal.SIGKILL)
    daemon.until_it_answers(_ANSWERED)
    return (perf_counter() - began) * 1000


def _twice(daemon: Daemon, worker: int) -> float:
    """Kill the worker, and the one that replaces it at once."""
    _idle(daemon, worker)
    return _idle(daemon, daemon.process("worker", other_than=worker))
