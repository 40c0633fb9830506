"""Under mixed load processes are killed, the policy is saved and SIGHUPs come, again and again.

It takes HOOKFRAME_SOAK seconds, 60 if that is not set, and prints what it has counted.
"""

from __future__ import annotations

import os
import random
import signal
import statistics
import threading
from bisect import bisect_right
from collections import Counter
from contextlib import ExitStack, contextmanager, suppress
from itertools import chain
from pathlib import Path
from time import monotonic

import pytest

from hookframe.testing import eventually

from ..helpers.requests import line
from ..helpers.wait import PATIENCE
from .accounts import ENDED, POLICY, TEMPFAILED, Accounts
from .daemons import OBSERVER

SECONDS = float(os.environ.get("HOOKFRAME_SOAK", "60"))
WARM = SECONDS / 6
"""Seconds after which what stays is as large as it may become: ten of sixty."""
SETTLED = 1.0
"""Seconds after the first answer by a save, from which on nobody answers by an older one."""
GROWTH = 1.10
MOST_PROCESSES = 7
"""The observer, a worker, two that load, and three of earlier policies that are ending."""
BUNDLES = 2
"""Copies of the policy's files that the supervisor may keep more than at the start."""
SPINNING_ONE_OF = 6
STANDBY_ONE_OF = 4
SIGHUP_ONE_OF = 5
HOOK = """
import itertools
import os

def pre_delivery_attempt(attempt):
    if attempt["recipient"] == "spin":
        sum(itertools.repeat(0))
    return {{"action": "pause", "message": f"{number} {{os.getpid()}} {{attempt['msguid']}}"}}
"""
KINDS = (
    {"count": 12, "pipeline": 16},
    {"count": 8, "pipeline": 1},
    {"count": 20, "keep": False},
    {"count": 10, "where": "exim"},
)
"""How fifty clients ask: over lasting connections, or over a new one for each attempt."""
UNDER_WAY = sum(kind["count"] * kind.get("pipeline", 1) for kind in KINDS) + 1
"""So many attempts may be under way when a worker is killed."""


class Books(Accounts):
    """What became of every attempt, and by which save it was answered.

    An answer is right if it is by a save that had begun when it came, and by none that is older
    than one by which somebody had been answered a second before the attempt was sent.
    """

    def __init__(self, daemon) -> None:
        super().__init__(daemon, self._right)
        self.begun = 0
        """the number of the last save that has begun"""
        self.worker = 0
        """the process that answered last"""
        self._live = [(0.0, 0)]
        """when somebody was answered by a save for the first time, and its number"""

    def new(self, **more):
        return super().new(sent=monotonic(), **more)

    def _right(self, asked, decision) -> bool:
        number, worker, msguid = decision["message"].split()
        self.worker = int(worker)
        if int(number) > self.newest:
            self._live.append((monotonic(), int(number)))
            self._change.notify_all()
        at = bisect_right(self._live, asked["sent"] - SETTLED, key=lambda each: each[0])
        oldest = self._live[at - 1][1]
        return msguid == asked["msguid"] and oldest <= int(number) <= self.begun

    @property
    def newest(self) -> int:
        """The newest save by which somebody has been answered."""
        return self._live[-1][1]

    def wait_until_live(self, number: int) -> bool:
        """Wait until somebody has been answered by a save; say whether that has come true."""
        with self._change:
            return self._change.wait_for(lambda: self.newest >= number, PATIENCE)


class Saver:
    """Saves the hook file each second with a new number, and sees that it is live."""

    def __init__(self, daemon, books: Books) -> None:
        self._daemon = daemon
        self._books = books
        self.times: list[float] = []
        """of each save, the seconds until somebody was answered by it"""
        self.missed: list[int] = []

    def run(self, ending: threading.Event) -> None:
        """Save until told to end."""
        while not ending.wait(max(0.0, 1.0 - sum(self.times[-1:]))):
            number = self._books.begun = self._books.begun + 1
            began = monotonic()
            if number % 2:
                self._daemon.save(self._daemon.hook_file, HOOK.format(number=number))
            else:
                self._daemon.hook_file.write_text(HOOK.format(number=number))
            if not self._books.wait_until_live(number):
                self.missed.append(number)
            self.times.append(monotonic() - began)


class Killer:
    """Kills the worker each second, in one way or another."""

    def __init__(self, daemon, books: Books) -> None:
        self._daemon = daemon
        self._books = books
        self._chance = random.Random(1483391740)
        self.kills: Counter[str] = Counter()

    def run(self, ending: threading.Event) -> None:
        """Kill until told to end."""
        while not ending.wait(self._chance.uniform(0.7, 1.3)):
            if self._chance.randrange(SPINNING_ONE_OF) == 0:
                outcome = self._books.ask("spin")
                assert outcome in {ENDED, TEMPFAILED}  # who stands in has no loop
                self.kills["a loop in C"] += outcome is ENDED
                continue
            if self._chance.randrange(SIGHUP_ONE_OF) == 0:
                self._daemon.signal(signal.SIGHUP)
            children = self._daemon.children()
            if self._chance.randrange(STANDBY_ONE_OF) == 0:
                self._kill(children - {self._books.worker}, "SIGKILL of the standby")
            self._kill(children & {self._books.worker}, "SIGKILL of the worker")

    def _kill(self, children: set[int], what: str) -> None:
        for child in children:
            with suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
                self.kills[what] += 1


class Scales:
    """Weighs the processes that stay, the supervisor and the observer, and counts all of them."""

    def __init__(self, daemon) -> None:
        (observer,) = daemon.children(OBSERVER)
        self._daemon = daemon
        self._lasting = (daemon.pid, observer)
        self._began = monotonic()
        self.memory: list[tuple[float, int]] = []
        """the seconds that had passed, and the bytes that both had resident"""
        self.most_processes = 0

    def run(self, ending: threading.Event) -> None:
        """Weigh until told to end."""
        while not ending.wait(0.2):
            sizes = [self._daemon.resident(pid) for pid in self._lasting]
            assert all(sizes), "the supervisor or the observer has ended"
            self.memory.append((monotonic() - self._began, sum(sizes)))
            self.most_processes = max(self.most_processes, len(self._daemon.descendants()))

    def median(self, begin: float, end: float) -> float:
        """The memory between two times, in MiB."""
        sizes = [size for passed, size in self.memory if begin < passed < end]
        return statistics.median(sizes) / (1 << 20)

    def descriptors(self) -> int:
        """How many descriptors both have open."""
        return sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in self._lasting)


@contextmanager
def going_on(*actors):
    """Let actors do their work in threads of their own, and look whether it went well."""
    ending, broken = threading.Event(), []

    def run(actor) -> None:
        try:
            actor.run(ending)
        except BaseException as error:
            broken.append(error)

    threads = [threading.Thread(target=run, args=(actor,)) for actor in actors]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ending.set()
        for thread in threads:
            thread.join()
    assert not broken, broken


@pytest.mark.timeout(SECONDS + 120)
def test_whatever_is_killed_and_saved_every_attempt_is_answered_rightly_or_sees_its_end(fresh):
    daemon = fresh()
    daemon.write(HOOK.format(number=0), 'deadline = "200ms"\n')
    daemon.start()
    books = Books(daemon)
    saver, killer, scales = Saver(daemon, books), Killer(daemon, books), Scales(daemon)
    daemon.ready()
    open_before = scales.descriptors()
    with ExitStack() as stack:
        for kind in chain.from_iterable([kind] * kind["count"] for kind in KINDS):
            how = {key: value for key, value in kind.items() if key != "count"}
            if "where" in how:
                how["where"] = getattr(daemon, how["where"])
            stack.enter_context(books.load(**how))
        with going_on(saver, killer, scales):
            threading.Event().wait(SECONDS)
        books.wait_for(POLICY, 100)
    outcomes = books.all_closed()
    before, after = scales.median(WARM, 2 * WARM), scales.median(SECONDS - WARM, SECONDS)
    eventually(lambda: len(daemon.descendants()) == len(("worker", "standby", "observer")))
    eventually(lambda: scales.descriptors() <= open_before + BUNDLES)
    reasons = daemon.ask({"hookframe": "status"})["restarts"]
    restarts = ", ".join(f"{number} by {reason}" for reason, number in reasons.items() if number)
    print(
        f"{SECONDS:g} s: {outcomes.total()} attempts: "
        f"{', '.join(f'{number} {outcome}' for outcome, number in outcomes.items())}\n"
        f"{', '.join(f'{number} times {what}' for what, number in killer.kills.items())}: "
        f"workers replaced: {restarts}\n"
        f"{len(saver.times)} saves, {len(saver.missed)} missed, live after "
        f"{statistics.median(saver.times):.3f} s (median), {max(saver.times):.3f} s (largest)\n"
        f"longest wait of a client {books.longest:.3f} s\n"
        f"at most {scales.most_processes} processes beside the supervisor; supervisor and "
        f"observer {before:.1f} MiB after {WARM:g} s, {after:.1f} MiB at the end"
    )
    assert saver.missed == []
    assert len(saver.times) > SECONDS / 3
    assert killer.kills.total() > SECONDS / 3
    assert outcomes[POLICY] > 100 * killer.kills.total()
    assert outcomes[ENDED] <= UNDER_WAY * killer.kills.total()
    assert outcomes[TEMPFAILED] < outcomes[POLICY] / 10
    assert after < GROWTH * before
    assert scales.most_processes <= MOST_PROCESSES
    assert daemon.exchange(line({"hookframe": "status"}))
