"""From the save of a hook file to the first decision by its new code, and what waits meanwhile.

Somebody asks all the time, with a pause of a fifth of a millisecond between two attempts. A save
is live with the first answer that says so, counted from the end of the save; the longest time
between two answers is what an attempt had to wait. Both processors are free for all, as they are
on a machine that sends mail.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from time import perf_counter, sleep
from typing import Any, Final, Self

from benchmarks.lab import ATTEMPT, Lab
from benchmarks.measure import Bar, Comparison, Measurement, Several
from benchmarks.saves import (
    Save,
    in_place,
    move_from_elsewhere,
    rename_over,
    same_size_and_time,
    source,
    swapped_link,
)
from hookframe import Host
from hookframe.config.model import Config

OURS, DAEMON, COMPILING = "Host.decide", "hookframe serve", "compile() alone"
P50, P99, PAUSE = "median", "99th percentile", "pause"
BETWEEN: Final = 0.0002
"""Seconds between an answer and the next attempt."""
SAVES: Final = {50: 100, 5000: 25}
"""How often a file of so many lines is saved in a round; four rounds make a percentile of it."""
ROUNDS: Final = 4
_NUMBERS: Final = count(1_000_000)
_PATIENCE: Final = 10.0

Ask = Callable[[], str | None]
"""Asks once; gives the message of the decision."""


def comparisons(lab: Lab) -> Iterator[Comparison]:
    """Compare a program and the daemon, small and large files, and the ways of saving."""
    with lab.everywhere():
        for lines, saves in SAVES.items():
            yield from _saved(lab, lines, 5 if lab.quick else saves)
        yield _ways(lab)


def _saved(lab: Lab, lines: int, saves: int) -> Iterator[Comparison]:
    """Compare the time from save to live with the time that the compiler takes, and the pauses."""
    with _in_program(lab) as program, _in_daemon(lab) as daemon:
        asked = {OURS: program, DAEMON: daemon}
        several = {
            name: Several(lambda ask=ask, path=path: _figures(ask, path, lines, saves))
            for name, (ask, path) in asked.items()
        }
        variants: dict[str, Measurement] = {COMPILING: lambda: _compiling(lines)}
        for name, each in several.items():
            variants |= {f"{name}, {p}": each.figure(p) for p in (P50, P99)}
        bars: tuple[Bar, ...] = ()
        # In a program the attempt after a change waits as long as `compile` takes.
        paused = [DAEMON]
        if lines == min(SAVES):
            bars = tuple(
                Bar(f"{name}, {p}", at_most=bar) for name in asked for p, bar in _BARS.items()
            )
            paused = list(asked)
        yield Comparison(
            f"reload-{lines}",
            f"From the save of {lines:,} lines to the first decision by them",
            "ms",
            more_is_better=False,
            variants=variants,
            bars=bars,
            rounds=ROUNDS,
        )
        yield Comparison(
            f"reload-{lines}-pause",
            f"The longest wait for an answer while {lines:,} lines are loaded",
            "ms",
            more_is_better=False,
            variants={name: each.figure(PAUSE) for name, each in several.items()},
            bars=tuple(Bar(name, at_most=_PAUSE_BAR) for name in paused),
            rounds=ROUNDS,
        )


_BARS: Final = {P50: 80, P99: 200}
_PAUSE_BAR: Final = 50.0
"""Milliseconds that an attempt may wait because of a change (CONTRACT 4)."""


def _compiling(lines: int) -> float:
    text = source(next(_NUMBERS), lines).encode()
    begun = perf_counter()
    compile(text, "hook.py", "exec", dont_inherit=True)
    return (perf_counter() - begun) * 1000


def _figures(ask: Ask, path: Path, lines: int, saves: int) -> Mapping[str, float]:
    """Save so many times; give the percentiles of the times, and the longest pause, in ms."""
    found = [_save(ask, path, in_place, lines) for _ in range(saves)]
    times = sorted(live for live, _ in found)
    last = len(times) - 1
    return {
        P50: times[round(last * 0.5)],
        P99: times[round(last * 0.99)],
        PAUSE: max(pause for _, pause in found),
    }


def _save(ask: Ask, path: Path, save: Save, lines: int) -> tuple[float, float]:
    """Save once, and ask until the new code answers.

    Returns:
        Milliseconds until then, and the longest time between two answers.
    """
    number = next(_NUMBERS)
    text = source(number, lines)
    sleep(0.02)  # the one before is out of the way: its garbage, and the standby's load
    answered = perf_counter()
    save(path, text)
    saved = perf_counter()
    longest = 0.0
    while True:
        message = ask()
        now = perf_counter()
        longest = max(longest, now - answered)
        answered = now
        if message == str(number):
            return (now - saved) * 1000, longest * 1000
        if now - saved > _PATIENCE:
            sys.exit(f"{save.__name__}: not live after {_PATIENCE} s")
        sleep(BETWEEN)


def _hook(lab: Lab) -> Path:
    path = lab.fresh() / "hooks" / "hook.py"
    path.parent.mkdir()
    path.write_text(source(1000))
    return path


@contextmanager
def _in_program(lab: Lab) -> Iterator[tuple[Ask, Path]]:
    """Give what asks a host of this process, and its hook file."""
    path = _hook(lab)
    with Host.of(Config(hook_file=str(path)), interrupt=True) as host:
        yield lambda: host.decide(ATTEMPT).get("message"), path


@contextmanager
def _in_daemon(lab: Lab) -> Iterator[tuple[Ask, Path]]:
    """Give what asks a daemon over a connection that is kept open, and its hook file."""
    path = _hook(lab)
    address, config = path.parent / "socket", path.parent / "hookframe.toml"
    config.write_text(f'listen = "unix:{address}"\nhook_file = "hook.py"\n')
    command = [sys.executable, "-m", "hookframe", "serve", "--config", config]
    request = json.dumps({**ATTEMPT}).encode() + b"\n"
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as daemon:
        try:
            for line in daemon.stderr or ():
                if "listening on" in line:
                    break
            os.set_blocking(daemon.stderr.fileno(), False)  # its pipe is drained as it fills
            with _Client(str(address)) as client:
                _wait_for_standby(client)
                yield lambda: client.ask(request).get("message"), path
        finally:
            daemon.terminate()


class _Client:
    """A client that keeps its connection, and asks again on a new one if it ends at a change."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._connect()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def _connect(self) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(self._address)
        self._answers = self._socket.makefile("rb")

    def ask(self, request: bytes) -> dict[str, Any]:
        """Ask until there is an answer."""
        while True:
            with suppress(ConnectionError):
                self._socket.sendall(request)
                if answer := self._answers.readline():
                    return json.loads(answer)
            self._socket.close()
            self._connect()


def _wait_for_standby(client: _Client) -> None:
    until = perf_counter() + _PATIENCE
    while perf_counter() < until:
        workers = client.ask(b'{"hookframe": "status"}\n')["workers"]
        if "standby" in {each["role"] for each in workers}:
            return
        sleep(0.02)
    sys.exit("the daemon has no standby")


def _ways(lab: Lab) -> Comparison:
    """Compare the ways of saving."""
    ways: Mapping[str, Save] = {
        "written in place": in_place,
        "renamed over it": rename_over,
        "moved from elsewhere": move_from_elsewhere,
        "same size and time stamp": same_size_and_time,
        "a swapped link (ConfigMap)": swapped_link,
    }

    def measure(save: Save) -> Measurement:
        def once() -> float:
            with _in_program(lab) as (ask, path):
                _save(ask, path, save, 50)  # a link takes the place of the file
                times = sorted(_save(ask, path, save, 50)[0] for _ in range(5 if lab.quick else 11))
                return times[len(times) // 2]

        return once

    return Comparison(
        "reload-ways",
        "From a save to the first decision by it, for each way of saving 50 lines",
        "ms",
        more_is_better=False,
        variants={name: measure(save) for name, save in ways.items()},
        bars=tuple(Bar(name, at_most=_BARS[P50]) for name in ways),
        rounds=ROUNDS,
    )
