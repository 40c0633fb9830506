"""Attempts of which each one is accounted for."""

from __future__ import annotations

import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from time import monotonic

from hookframe.testing import Daemon

from ..helpers.attempts import MESSAGE, TEMPFAIL, attempt
from ..helpers.requests import extracted
from ..helpers.wait import PATIENCE
from .callers import Caller

PAUSE = 0.005
"""Seconds between two attempts of a load, so that it does not need a processor of its own."""


class Outcome(StrEnum):
    """What can become of an attempt. There is nothing else."""

    POLICY = "answered by the policy"
    TEMPFAIL = "temp-failed"
    ENDED = "saw its connection end"


POLICY, TEMPFAILED, ENDED = Outcome


def echoed(asked, decision) -> bool:
    """Say whether a decision is what `policy` without a prefix says about an attempt."""
    return decision == {"action": "pause", "message": asked["msguid"]}


def prefixed(*prefixes: str):
    """Make a function that says whether a decision is what `policy` with one of these says."""

    def right(asked, decision) -> bool:
        return any(
            decision == {"action": "pause", "message": prefix + asked["msguid"]}
            for prefix in prefixes
        )

    return right


class Accounts:
    """What became of every attempt that was asked.

    Each one is answered by the policy, is temp-failed, or sees its connection end. Another
    answer, a second one, or silence for half a minute is an error at once.

    Args:
        daemon: who is asked.
        right: says of an attempt and a decision whether the policy decides so.
        may_refuse: whether a connection that can't be made counts as one that has ended; while
            there is a supervisor, every one can be made.
    """

    def __init__(
        self,
        daemon: Daemon,
        right: Callable[[dict, dict], bool] = echoed,
        *,
        may_refuse: bool = False,
    ) -> None:
        self.daemon = daemon
        self.may_refuse = may_refuse
        self._right = right
        self._numbers = itertools.count(1)
        self._change = threading.Condition()
        self._open: dict[str, dict] = {}
        self._since: dict[str, float] = {}
        self.longest = 0.0
        """the longest time from the making of an attempt to its end, in seconds"""
        self._outcomes: dict[str, Outcome] = {}
        self._broken: list[BaseException] = []

    def new(self, **more):
        """A new attempt, on the books from now on."""
        number = next(self._numbers)
        new = attempt(msguid=f"1abcde-{number:06}-AB", **more)
        with self._change:
            self._open[new["msguid"]] = new
            self._since[new["msguid"]] = monotonic()
        return new

    def enter(self, msguid: str, answer: bytes) -> Outcome:
        """Enter what became of an attempt.

        Args:
            msguid: which one.
            answer: the answer, or nothing or a beginning of it where the connection has ended.
        """
        with self._change:
            asked = self._open.pop(msguid)
            self.longest = max(self.longest, monotonic() - self._since.pop(msguid))
            outcome = self._outcomes[msguid] = self._judged(asked, answer)
            self._change.notify_all()
        return outcome

    def _judged(self, asked, answer: bytes) -> Outcome:
        if not answer.endswith(b"\n"):
            return ENDED
        decision = json.loads(answer) if answer.startswith(b"{") else _of_exim(answer)
        if decision == TEMPFAIL:
            return TEMPFAILED
        assert self._right(asked, decision), f"{answer!r} is no answer to {asked}"
        return POLICY

    @property
    def outcomes(self) -> Counter[Outcome]:
        """How many attempts have come to each end."""
        with self._change:
            return Counter(self._outcomes.values())

    def all_closed(self) -> Counter[Outcome]:
        """Check that every attempt that was asked has come to an end; count them by it."""
        with self._change:
            assert not self._open, f"nothing is known of {list(self._open)}"
        return self.outcomes

    def wait_for(self, outcome: Outcome, more: int = 10) -> None:
        """Wait until so many more attempts have come to an end of that kind."""
        with self._change:

            def number() -> int:
                return sum(each is outcome for each in self._outcomes.values())

            wanted = number() + more
            reached = self._change.wait_for(lambda: self._broken or number() >= wanted, PATIENCE)
            self._raise()
            assert reached, f"{outcome}: {number()} of {wanted}; {self.daemon.output[-4000:]}"

    def caller(self, where=None, *, keep: bool = True) -> Caller:
        """A client whose attempts are entered here.

        Args:
            where: the socket; None for the one that speaks jsonl.
            keep: whether it asks all on one connection, for as long as that lives.
        """
        return Caller(self, where, keep=keep)

    def ask(self, recipient: str = "somebody@recipient.test", where=None, **more) -> Outcome:
        """Ask about one attempt on a connection of its own."""
        with self.caller(where, keep=False) as caller:
            return caller.ask(recipient=recipient, **more)

    def fault(self, name: str, where=None, **more) -> Outcome:
        """Ask about an attempt in which the policy calls its function of that name."""
        return self.ask(f"{name}@fault.test", where, **more)

    @contextmanager
    def load(self, where=None, *, keep: bool = True, pipeline: int = 1) -> Iterator[None]:
        """Have a client of its own thread ask again and again.

        Args:
            where: the socket; None for the one that speaks jsonl.
            keep: whether it asks all on one connection, for as long as that lives.
            pipeline: how many attempts it asks before it reads an answer.
        """
        ending = threading.Event()

        def run() -> None:
            try:
                with self.caller(where, keep=keep) as caller:
                    while not ending.wait(PAUSE):
                        caller.pipeline(pipeline)
            except BaseException as error:
                with self._change:
                    self._broken.append(error)
                    self._change.notify_all()

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            ending.set()
            thread.join()
        self._raise()

    def _raise(self) -> None:
        if self._broken:
            raise self._broken[0]


@contextmanager
def under_load(daemon: Daemon, right: Callable[[dict, dict], bool] = echoed) -> Iterator[Accounts]:
    """Have clients ask before, while and after something goes wrong.

    Three ask, each in its own way: over one connection, over a new one for each attempt, and over
    the exim protocol. All must be answered by the policy again at the end, by the same daemon.

    Args:
        daemon: who is asked.
        right: as for `Accounts`.
    """
    accounts = Accounts(daemon, right)
    with accounts.load(), accounts.load(keep=False), accounts.load(daemon.exim):
        accounts.wait_for(POLICY)
        yield accounts
        accounts.wait_for(POLICY)
    with accounts.caller() as kept:
        again = [kept.ask(), accounts.ask(), accounts.ask(where=daemon.exim)]
    assert again == [POLICY] * 3
    accounts.all_closed()
    assert daemon.is_running


def _of_exim(answer: bytes):
    """Read an answer of the exim protocol as one of jsonl."""
    found = extracted(answer)
    assert found.pop("end", None) == "1", answer
    return {**found, "error": True} if found.get("message") == MESSAGE else found
