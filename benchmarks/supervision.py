"""What the supervision of `hookframe serve` costs, and how soon a killed worker is replaced.

It times the supervised daemon against `hookframe serve --unsupervised` in turn on one policy,
the number that a worker writes into shared memory before each attempt, and the time from a
SIGKILL of the worker to the answer that a client gets who waits meanwhile.

    python benchmarks/supervision.py [ROUNDS [TRIALS]]
"""

from __future__ import annotations

import json
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import timeit
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import perf_counter, process_time, sleep

from decide import ATTEMPT
from saves import source

from hookframe.daemon.board import ATTEMPT as CELL
from hookframe.daemon.board import Board, Stamp
from hookframe.daemon.connection import SLICE

THROUGHPUT_BAR = 0.9
STAMP_BAR_NANOSECONDS = 100
MEDIAN_BAR_MILLISECONDS = 5
LARGEST_BAR_MILLISECONDS = 50
ROUND_SECONDS = 0.1
BATCH = 64
IN_FLIGHT = 16
PATIENCE = 20.0
OF_AGE_SECONDS = 0.6
"""So long a worker has to serve that its death does not count as one that comes too soon."""
SETTLING_SECONDS = 0.02
SPINNING = """
import re

CARELESS = re.compile("(a|aa)+$")


def pre_delivery_attempt(attempt):
    if attempt["recipient"] == "spin":
        print("spinning")
        CARELESS.match("a" * 80 + "!")
    return {"action": "pause", "message": "answered"}
"""


def line(**changes: object) -> bytes:
    """Write an attempt as a client sends it."""
    return json.dumps({**ATTEMPT, **changes}).encode() + b"\n"


class Daemon:
    """`hookframe serve` in a directory of its own.

    Args:
        directory: where; it must exist.
        hook: the text of its hook file.
        arguments: further arguments of the command.
    """

    def __init__(self, directory: Path, hook: str, *arguments: str) -> None:
        self.address = str(directory / "socket")
        (directory / "hook.py").write_text(hook)
        config = directory / "hookframe.toml"
        config.write_text(
            f'listen = "unix:{self.address}"\nhook_file = "hook.py"\ndeadline = "1h"\n'
        )
        command = (sys.executable, "-m", "hookframe", "serve", "--config", str(config), *arguments)
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8")
        self.wait_for("listening on")

    def wait_for(self, text: str) -> None:
        """Wait until its log has a line with this text."""
        for said in self._process.stderr or ():
            if text in said:
                return
        sys.exit(f"the daemon ended before it said {text!r}")

    def connect(self) -> socket.socket:
        """Open a connection."""
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(PATIENCE)
        client.connect(self.address)
        return client

    def process(self, role: str, age: float = 0.0, other_than: int = 0) -> int:
        """Wait until another process of the daemon has this role, and this age; return its id."""
        until = perf_counter() + PATIENCE
        while perf_counter() < until:
            with self.connect() as client:
                client.sendall(b'{"hookframe": "status"}\n')
                status = json.loads(client.makefile().readline())
            for each in status["workers"]:
                pid = int(each["pid"])
                if each["role"] == role and each["uptime"] >= age and pid != other_than:
                    return pid
            sleep(0.02)
        sys.exit(f"the daemon has no {role}")

    def stop(self) -> None:
        """Stop it as a service manager does."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.communicate(timeout=PATIENCE)
        self._process.kill()


@contextmanager
def daemon(hook: str, *arguments: str) -> Iterator[Daemon]:
    """Run a daemon."""
    with tempfile.TemporaryDirectory() as directory:
        running = Daemon(Path(directory), hook, *arguments)
        try:
            yield running
        finally:
            running.stop()


def pipelined(daemon: Daemon) -> float:
    """Answers a second on one connection that has two batches of requests under way."""
    batch = line() * BATCH
    with daemon.connect() as client:
        client.sendall(batch)
        began = perf_counter()
        answers = 0
        while (took := perf_counter() - began) < ROUND_SECONDS:
            client.sendall(batch)
            wanted = answers + BATCH
            while answers < wanted:
                answers += client.recv(65536).count(b"\n")
    return answers / took


def one_shot(daemon: Daemon) -> float:
    """Answers a second where each has a connection of its own, several at once."""
    request = line()

    def ask() -> socket.socket:
        client = daemon.connect()
        client.sendall(request)
        return client

    waiting = deque(ask() for _ in range(IN_FLIGHT))
    began = perf_counter()
    answers = 0
    while (took := perf_counter() - began) < ROUND_SECONDS:
        waiting.append(ask())
        with waiting.popleft() as client:
            answers += client.recv(4096).count(b"\n")
    for client in waiting:
        client.close()
    return answers / took


def throughput(rounds: int) -> bool:
    """Compare supervised and unsupervised; say whether the bar is met."""
    met = True
    hook = source(0)
    with daemon(hook) as supervised, daemon(hook, "--unsupervised") as unsupervised:
        supervised.process("standby")
        for load in (pipelined, one_shot):
            ratios, rates = [], []
            for each in range(rounds):
                pair = [supervised, unsupervised]
                if each % 2:
                    pair.reverse()
                measured = {id(one): load(one) for one in pair}
                rates.append(measured[id(supervised)])
                ratios.append(measured[id(supervised)] / measured[id(unsupervised)])
            ratio = statistics.median(ratios)
            spread = statistics.quantiles(ratios, n=10)
            met = met and ratio >= THROUGHPUT_BAR
            print(
                f"{load.__name__:9} supervised answers {ratio:.3f} of what unsupervised does "
                f"(10th to 90th percentile {spread[0]:.3f} to {spread[-1]:.3f}, {rounds} rounds; "
                f"{statistics.median(rates):.0f} a second)"
            )
    print(f"bar: each at least {THROUGHPUT_BAR}: {verdict(met)}")
    return met


def stamp_nanoseconds(requests: int) -> float:
    """Measure what the stamp costs for each attempt, net of the loop.

    Args:
        requests: how many are answered at a stretch, for which one journal is written.
    """
    stamp = Stamp(Board(1).take())
    waiting = [line()[:-1]] * requests

    def bare() -> None:
        number = stamp.number
        for _ in range(requests):
            number += 1
        stamp.number = number

    def stamped() -> None:
        cells, number = stamp.cells, stamp.number
        stamp.slot.journal(number + 1, waiting, SLICE)
        for _ in range(requests):
            number += 1
            cells[CELL] = number
        stamp.end(number)

    def nanoseconds(function: Callable[[], None]) -> float:
        calls = 10_000 // requests
        took = timeit.timeit(function, number=calls, timer=process_time)
        return took / calls / requests * 1e9

    times = [(nanoseconds(stamped), nanoseconds(bare)) for _ in range(500)]
    with_stamp, without = map(min, zip(*times, strict=True))  # others only ever make it slower
    return with_stamp - without


def stamp() -> bool:
    """Print what the stamp costs; say whether the bar is met."""
    cost, alone = stamp_nanoseconds(SLICE), stamp_nanoseconds(1)
    met = cost <= STAMP_BAR_NANOSECONDS
    print(
        f"stamp: {cost:.0f} ns for each attempt of {SLICE} that come together, "
        f"{alone:.0f} ns for one that comes alone"
    )
    print(f"bar where they come together: at most {STAMP_BAR_NANOSECONDS} ns: {verdict(met)}")
    return met


def spinning(daemon: Daemon, worker: int) -> float:
    """Kill a worker that loops in C while a client waits; return milliseconds to its answer."""
    with daemon.connect() as stuck:
        stuck.sendall(line(recipient="spin"))
        daemon.wait_for("spinning")
        with daemon.connect() as waiting:
            waiting.sendall(line())
            began = perf_counter()
            os.kill(worker, signal.SIGKILL)
            if b"answered" not in waiting.recv(4096):
                sys.exit("the waiting client was not answered by the policy")
            return (perf_counter() - began) * 1000


def idle(daemon: Daemon, worker: int) -> float:
    """Kill a worker that does nothing; return milliseconds to the next answer."""
    began = perf_counter()
    os.kill(worker, signal.SIGKILL)
    return next_answer(daemon, began)


def twice(daemon: Daemon, worker: int) -> float:
    """Kill the worker, and the one that replaces it at once; return milliseconds."""
    idle(daemon, worker)
    return idle(daemon, daemon.process("worker", other_than=worker))


def next_answer(daemon: Daemon, began: float) -> float:
    """Ask until there is an answer: a dying worker may yet accept; return milliseconds."""
    while perf_counter() - began < PATIENCE:
        with suppress(ConnectionError), daemon.connect() as client:
            client.sendall(line())
            if b"answered" in client.recv(4096):
                return (perf_counter() - began) * 1000
    sys.exit(f"no answer within {PATIENCE} s of the kill")


def trial(way: Callable[[Daemon, int], float], daemon: Daemon) -> float:
    """Try a way of killing a worker that is of age, with a warm standby; return milliseconds.

    It ends when the next standby is ready: its start would disturb the next trial.
    """
    worker = daemon.process("worker", age=OF_AGE_SECONDS)
    daemon.process("standby", other_than=worker)
    sleep(SETTLING_SECONDS)
    milliseconds = way(daemon, worker)
    daemon.process("standby", other_than=daemon.process("worker", other_than=worker))
    return milliseconds


def kills(trials: int) -> bool:
    """Print how long a client waits after a kill; say whether the bars are met."""
    met = True
    with daemon(SPINNING) as first, daemon(SPINNING) as second, daemon(SPINNING) as third:
        turns = (first, second, third)  # while one is tried the others' workers come of age
        for way in (spinning, idle, twice):
            count = trials if way is not twice else max(5, trials // 6)
            times = [trial(way, turns[each % len(turns)]) for each in range(count)]
            median, largest = statistics.median(times), max(times)
            if way is not twice:
                met = met and median <= MEDIAN_BAR_MILLISECONDS
                met = met and largest <= LARGEST_BAR_MILLISECONDS
            print(
                f"SIGKILL, {way.__name__:8} to the next answer: median {median:6.2f} ms, "
                f"largest {largest:6.2f} ms ({count} trials)"
            )
    print(
        f"bar with a warm standby: median at most {MEDIAN_BAR_MILLISECONDS} ms, "
        f"largest at most {LARGEST_BAR_MILLISECONDS} ms: {verdict(met)}"
    )
    return met


def verdict(met: bool) -> str:
    """Say whether a bar is met."""
    return "met" if met else "MISSED"


def main() -> int:
    """Print all figures; exit 1 if a bar is missed."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    trials = int(sys.argv[2]) if len(sys.argv) > 2 else 60
    results = [throughput(rounds), stamp(), kills(trials)]
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
