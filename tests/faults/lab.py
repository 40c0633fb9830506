"""Attempts of which each one is accounted for, and a look at the daemon's processes."""

from __future__ import annotations

import itertools
import json
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum
from pathlib import Path
from textwrap import dedent
from time import monotonic, sleep

from ..daemon.lab import ERROR, PATIENCE, TEMPFAIL, Client, attempt, extracted, field, line
from ..daemon.lab import Daemon as PlainDaemon
from ..helpers.processes import Process, processes
from ..helpers.wait import eventually

PAUSE = 0.005
"""Seconds between two attempts of a load, so that it does not need a processor of its own."""
WORKER, STAND_IN = "hookframe-work", "hookframe-stand"
"""The names under which the system shows the daemon's children."""
COMPILER = "hookframe-comp"
"""The same for an interpreter that a child has."""
PATIENT = "10s"
"""A deadline that an attempt does not exceed only because its process has to wait for a turn."""
DOZED = 3.0
"""Seconds without a client after which a worker dozes, and looks after nothing for a while."""
DOZING = 30.0
"""Seconds between two looks of the supervisor at processes that doze."""
SHORT = "200ms"
"""One for hooks that hang, and so for tests in which it makes no difference who is late."""
WHO = "who@recipient.test"
"""The policies here answer an attempt for this recipient with the id of their process."""

_HOOK = """

def pre_delivery_attempt(attempt, decision, state):
    name, _, domain = attempt["recipient"].partition("@")
    if domain == "fault.test":
        returned = globals()[name]()
        if returned is not None:
            return returned
    if name == "who":
        return {"action": "pause", "message": str(os.getpid())}
    return {"action": "pause", "message": PREFIX + attempt["msguid"]}
"""


def policy(faults: str = "", prefix: str = "") -> str:
    """A hook file that pauses each attempt with its own msguid as the message.

    Args:
        faults: source text of functions without arguments; an attempt for the recipient
            NAME@fault.test first calls the one of that name, which may return a decision.
        prefix: stands before the msguid, to tell one version of the policy from another.
    """
    return f"import os\n\nPREFIX = {prefix!r}\n{dedent(faults)}\n{_HOOK}"


def names(faults: str) -> list[str]:
    """The names of the functions of a source, as ids for the tests that use them."""
    return [each[4:].partition("(")[0] for each in faults.splitlines() if each.startswith("def ")]


class Outcome(StrEnum):
    """What can become of an attempt. There is nothing else."""

    POLICY = "answered by the policy"
    TEMPFAIL = "temp-failed"
    ENDED = "saw its connection end"


POLICY, TEMPFAILED, ENDED = Outcome


class Daemon(PlainDaemon):
    """A supervised daemon, and what the system knows of its processes."""

    tolerated = ""
    """a text beside which it may also write a traceback"""

    def with_policy(self, faults: str = "", more: str = "", deadline: str = PATIENT) -> Daemon:
        """Write a policy with these faults and a configuration, and start.

        Args:
            faults: as in `policy`.
            more: more of the configuration.
            deadline: how long an attempt may take.
        """
        self.write(policy(faults), f'deadline = "{deadline}"\n{more}')
        self.start()
        return self

    def close(self) -> None:
        """End it whatever it does, and check what holds for every run."""
        try:
            super().close()
        except AssertionError:
            if not self.tolerated or self.tolerated not in self.said:
                raise

    def install(self, name: str, source: str) -> None:
        """Install a plugin where only a daemon finds it that is started `with_plugins`.

        Args:
            name: its name, and that of its only module.
            source: the module.
        """
        metadata = self.installed / f"{name}-1.0.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        (metadata / "entry_points.txt").write_text(f"[hookframe]\n{name} = {name}\n")
        (self.installed / f"{name}.py").write_text(source)

    def with_plugins(self, more: str, deadline: str = PATIENT) -> Daemon:
        """Write a policy without faults and a configuration, and start with all that is installed.

        Args:
            more: more of the configuration: the chain.
            deadline: how long an attempt may take.
        """
        self.write(policy(), f'deadline = "{deadline}"\n{more}')
        self.start("env", f"PYTHONPATH={self.installed}")
        return self

    @property
    def installed(self) -> Path:
        """The directory of what is installed."""
        return self.directory / "installed"

    def until_it_listens(self) -> None:
        """Wait until a client can connect: a daemon whose log is elsewhere says nothing here."""

        def connects() -> bool:
            with suppress(FileNotFoundError, ConnectionRefusedError), self.connect():
                return True
            return False

        eventually(connects, PATIENCE)

    @property
    def alive(self) -> bool:
        """Whether the supervisor, the process that was started, still runs."""
        return self._process.poll() is None

    def descendants(self) -> list[Process]:
        """All processes that descend from the supervisor, zombies included."""
        everything = list(processes())
        family, found = {self.pid}, []
        while more := [each for each in everything if each.parent in family - {each.pid}]:
            everything = [each for each in everything if each not in more]
            family |= {each.pid for each in more}
            found += more
        return found

    def children(self, name: str = WORKER) -> set[int]:
        """The supervisor's own living children of a name: workers and standbys, or stand-ins."""
        return {
            each.pid
            for each in processes()
            if (each.parent, each.name) == (self.pid, name) and each.state != "Z"
        }

    def worker(self) -> int:
        """The process that answers: the policies here say it. It asks until a policy answers."""
        return eventually(self._told, PATIENCE)

    def _told(self) -> int:
        answer = self.exchange(line(attempt(recipient=WHO)))
        message = json.loads(answer)["message"] if answer.endswith(b"\n") else ERROR
        return 0 if message == ERROR else int(message)

    def live(self, prefix: str, patience: float = PATIENCE) -> None:
        """Wait until a policy with this prefix answers, for so many seconds at most."""

        def said() -> bool:
            answer = self.exchange(line(attempt(msguid="live")))
            return answer.endswith(b"\n") and json.loads(answer)["message"] == f"{prefix}live"

        eventually(said, patience)

    def next_worker(self, old: int) -> int:
        """Wait until another process answers than the one given, and return it."""
        return eventually(lambda: (new := self.worker()) != old and new, PATIENCE)

    def standby(self) -> int:
        """Wait until there is a child beside the one that answers, and return it.

        It may still build its chain.
        """
        worker = self.worker()
        return eventually(lambda: next(iter(self.children() - {worker}), 0), PATIENCE)

    def status(self):
        """What the daemon says of itself; whoever is asked may be about to leave."""

        def told():
            answer = self.exchange(line({"hookframe": "status"}))
            return answer.endswith(b"\n") and json.loads(answer)

        return eventually(told, PATIENCE)

    def having(self, role: str) -> dict[int, int]:
        """The processes that have a role, and the generation of each; 0 where it has none."""
        return {
            each["pid"]: each["generation"] or 0
            for each in self.status()["workers"]
            if each["role"] == role
        }

    def ready(self) -> int:
        """Wait until a process has built its chain and waits for its turn; return it."""
        return eventually(lambda: next(iter(self.having("standby")), 0), PATIENCE)

    def strays(self) -> set[int]:
        """The living processes that hooks have started and left behind, below the workers."""
        return {
            each.pid for each in self.descendants() if each.parent != self.pid and each.state != "Z"
        }

    def sockets(self, pid: int | None = None) -> set[str]:
        """The sockets that a process holds; without one the supervisor."""
        held = set()
        for number in Path(f"/proc/{pid or self.pid}/fd").iterdir():
            with suppress(OSError):  # it has just been closed
                held.add(str(number.readlink()))
        return {each for each in held if each.startswith("socket:")}

    def resident(self, pid: int) -> int:
        """The bytes of memory that a process has resident; 0 where there is none such any more."""
        try:
            pages = int(Path(f"/proc/{pid}/statm").read_bytes().split()[1])
        except (FileNotFoundError, ProcessLookupError, IndexError):
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")

    def logged(self, text: str) -> int:
        """How many lines with a text it has written so far."""
        return sum(text in each for each in self.said.splitlines())


def stop(pid: int) -> None:
    """Stop a process, and wait until none of its threads runs any more."""
    os.kill(pid, signal.SIGSTOP)
    eventually(lambda: {_state(thread) for thread in Path(f"/proc/{pid}/task").iterdir()} == {"T"})


def _state(process: Path) -> str:
    return (process / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()[0]


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
        daemon: PlainDaemon,
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
            assert reached, f"{outcome}: {number()} of {wanted}; {self.daemon.said[-4000:]}"

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
    assert daemon.alive


def _of_exim(answer: bytes):
    """Read an answer of the exim protocol as one of jsonl."""
    found = extracted(answer)
    assert found.pop("end", None) == "1", answer
    return {**found, "error": True} if found.get("message") == ERROR else found


class Line(Client):
    """A connection that may end at any moment, and whose beginning may have to wait its turn."""

    def __init__(self, where) -> None:
        until = monotonic() + PATIENCE
        while True:
            try:
                super().__init__(where)
            except BlockingIOError:  # so many clients wait to be let in that there is no room
                assert monotonic() < until, "for half a minute nobody was let in"
                sleep(PAUSE)
            else:
                return

    def line_or_end(self) -> bytes:
        """Read up to a newline, or what there is of it where the connection ends."""
        try:
            while b"\n" not in self._received and (data := self.socket.recv(65536)):
                self._received += data
        except ConnectionResetError:
            pass
        answer, newline, self._received = self._received.partition(b"\n")
        return answer + newline

    def finish(self) -> None:
        """Say that nothing more will be asked."""
        with suppress(OSError):  # it has ended
            self.half_close()

    def what_is_left(self) -> bytes:
        """Say that nothing more will be asked, and read to the end."""
        self.finish()
        return self.rest()


class Caller:
    """A client that makes a new connection when its own has ended.

    Args:
        accounts: where its attempts are entered.
        where: the socket; None for the one that speaks jsonl.
        keep: whether it asks all on one connection, for as long as that lives.
    """

    def __init__(self, accounts: Accounts, where=None, *, keep: bool = True) -> None:
        self._accounts = accounts
        self._where = accounts.daemon.jsonl if where is None else where
        self._keep = keep and self._where != accounts.daemon.exim
        self._client: Line | None = None

    def ask(self, **more) -> Outcome:
        """Ask about one attempt, and wait for what becomes of it."""
        (outcome,) = self.ask_all([self._accounts.new(**more)])
        return outcome

    def pipeline(self, number: int, **more) -> list[Outcome]:
        """Ask about so many attempts of a kind."""
        return self.ask_all([self._accounts.new(**more) for _ in range(number)])

    def ask_all(self, attempts) -> list[Outcome]:
        """Ask about new attempts, and wait for what becomes of them.

        All are sent before an answer is read, unless each has a connection of its own.
        """
        sizes = len(attempts) if self._keep else 1
        batches = [attempts[at : at + sizes] for at in range(0, len(attempts), sizes)]
        return [
            self._accounts.enter(asked["msguid"], answer)
            for batch in batches
            for asked, answer in zip(batch, self._answers(batch), strict=True)
        ]

    def _answers(self, attempts) -> list[bytes]:
        """Send and read; what a daemon that has answered all the rest takes no more, ask again.

        It can't have read what could not be sent. Where it owes an answer it has died, and the
        rest of the attempts has died with it.
        """
        answers: list[bytes] = []
        while len(answers) < len(attempts) and all(answer.endswith(b"\n") for answer in answers):
            try:
                client, sent = self._send(attempts[len(answers) :])
            except (ConnectionError, FileNotFoundError):
                if not self._accounts.may_refuse:
                    raise
                break
            if not sent:
                break
            answers += self._read(client, sent)
        return answers + [b""] * (len(attempts) - len(answers))

    def _send(self, attempts) -> tuple[Line, int]:
        """Send requests until one can't be; on a new connection if that is the first of them.

        Returns:
            The connection, and how many were sent: none where a new connection takes none either.
        """
        while True:
            client, was_new = self._client or Line(self._where), self._client is None
            self._client = client
            for sent, asked in enumerate(attempts):  # noqa: B007  (it counts them for what follows)
                try:
                    client.send(self._request(asked))
                except ConnectionError:
                    break
            else:
                return client, len(attempts)
            if sent or was_new:
                return client, sent
            self.close()

    def _request(self, asked) -> bytes:
        if self._where != self._accounts.daemon.exim:
            return line(asked)
        flags = {key: str(int(asked[key])) for key in ("is_first_attempt", "mtaid_exists")}
        values = {**asked, **flags}
        return b"".join(field(name, value) for name, value in values.items()) + b"\n"

    def _read(self, client: Line, number: int) -> list[bytes]:
        if not self._keep:
            client.finish()
        answers = [client.line_or_end() for _ in range(number)]
        if not self._keep or not all(answer.endswith(b"\n") for answer in answers):
            self.close()
        return answers

    def close(self) -> None:
        """End the connection; nothing may have come on it that nobody has asked for."""
        if self._client is not None:
            client, self._client = self._client, None
            with client:
                assert client.what_is_left() == b"", "somebody answered what nobody has asked"

    def __enter__(self) -> Caller:
        return self

    def __exit__(self, *_) -> None:
        self.close()
