"""`hookframe serve` beside what a user would write instead, each with the same three plugins.

The daemon is as it is by default: supervised, with a standby, limits, deadlines and statistics.
The C server has no policy and reads no JSON: it is what sockets alone cost.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from os import environ
from pathlib import Path
from shutil import copy
from socket import AF_UNIX, socket
from time import monotonic, sleep
from typing import Final

from benchmarks.lab import ATTEMPT, PEERS, ROOT, Lab
from benchmarks.measure import Bar, Comparison, Measurement, along
from benchmarks.processes import processor_seconds

OURS, ECHO, PERL, NODE = "hookframe", "C, echo only", "Perl", "Node"
REQUESTS: Final = 1024
EVERY: Final = 64
"""Of so many requests one has the VirtualMTA changed, and one is refused."""
LISTED: Final = 1000
"""Addresses in the blacklist that nobody asks about."""
_PATIENCE: Final = 20.0
_DISTRIBUTION: Final = "greenarrow_policy-1.dist-info"
_POLICY: Final = ("recipient_blacklist", "change_virtualmta")


@dataclass(frozen=True)
class Pattern:
    """How clients ask.

    Args:
        name: what the comparison is called.
        title: the same in words.
        mode: as `load.c` knows it.
        connections: how many there are at once.
        in_flight: requests under way on each.
        bars: the least part of each peer's rate.
    """

    name: str
    title: str
    mode: str
    connections: int
    in_flight: int
    bars: Mapping[str, float] = field(default_factory=dict)


PATTERNS: Final = (
    Pattern(
        "daemon-pipelined",
        "One connection, 64 requests under way",
        "kept",
        1,
        64,
        {PERL: 1.1, NODE: 0.8},
    ),
    Pattern(
        "daemon-kept",
        "Eight connections, one request under way on each",
        "kept",
        8,
        1,
        {PERL: 1.05, NODE: 1.0},
    ),
    Pattern(
        "daemon-one-shot",
        "A connection for each request, eight at once",
        "one-shot",
        8,
        1,
        {ECHO: 0.55, PERL: 1.5, NODE: 2.2},
    ),
)
IDLE_BAR: Final = 2.0
"""Milliseconds of processor time that all processes of an idle daemon take in a second."""


SETTLING: Final = 1.0
"""Seconds after the last request in which a server is not idle yet."""


@dataclass(frozen=True)
class Asked:
    """What was measured while a server was asked."""

    rate: float
    """answers a second"""
    cost: float
    """microseconds of the server's processor time for each answer"""
    p50: float
    """microseconds from a request to its answer; for one-shot from before the connection"""
    p99: float


NOTED: Final = (
    ("cost", "processor time of the server for each answer", lambda asked: asked.cost),
    ("p50", "median time from request to answer", lambda asked: asked.p50),
    ("p99", "time from request to answer, 99th percentile", lambda asked: asked.p99),
)


class Server:
    """A server that runs.

    Args:
        lab: where.
        name: what it is called in comparisons.
        address: the path of its socket.
        pid: its process; its children count as well.
        answers: the file of the answers that are right; None for those of the policy.
    """

    def __init__(
        self, lab: Lab, name: str, address: Path, pid: int, answers: Path | None = None
    ) -> None:
        self._lab = lab
        self.name = name
        self.address = address
        self._pid = pid
        self._answers = answers

    def ask(self, pattern: Pattern, requests: Requests) -> Asked:
        """Have the load generator ask it for a while."""
        answers = self._answers or requests.answers
        milliseconds = 100 if self._lab.quick else 300
        words = (
            *(self._lab.built("load.c"), self.address, requests.lines, answers, pattern.mode),
            *(pattern.connections, pattern.in_flight, milliseconds),
        )
        before = self.processor_seconds()
        done = subprocess.run(
            ["taskset", "-c", str(self._lab.other), *map(str, words)],
            stdout=subprocess.PIPE,
            check=True,
        )
        spent = self.processor_seconds() - before
        found = json.loads(done.stdout)
        count = found["answers"]
        return Asked(count / found["seconds"], spent / count * 1e6, found["p50"], found["p99"])

    def processor_seconds(self) -> float:
        """Say how much processor time it has had, with its children."""
        return processor_seconds(self._pid)


@dataclass(frozen=True)
class Requests:
    """What servers are asked, and what they have to answer.

    Args:
        lines: the file of requests.
        answers: the file of the answers of those with a policy.
        echoed: the file of the answers of the one without.
        blacklist: the file of the addresses that are refused.
    """

    lines: Path
    answers: Path
    echoed: Path
    blacklist: Path

    @classmethod
    def of(cls, lab: Lab, extra_keys: int = 0) -> Requests:
        """Write them, the same each time."""
        directory = lab.fresh()
        made = cls(*(directory / name for name in ("lines", "answers", "echoed", "blacklist")))
        extra = {f"header_{number}": f"value {number}" for number in range(extra_keys)}
        attempts, decisions = zip(*(_request(number) for number in range(REQUESTS)), strict=True)
        refused = [one["recipient"] for number, one in enumerate(attempts) if _is_refused(number)]
        others = (f"somebody{number}@elsewhere.example" for number in range(LISTED))
        _write(made.lines, (json.dumps({**attempt, **extra}) for attempt in attempts))
        _write(made.answers, map(_answer, decisions))
        _write(made.echoed, (_answer({"action": "normal"}) for _ in attempts))
        _write(made.blacklist, (*map(str, refused), *others))
        return made


def _request(number: int) -> tuple[dict[str, object], dict[str, str]]:
    attempt = {
        **ATTEMPT,
        "msguid": f"{ATTEMPT['injtime']}.{number:08}",
        "recipient": f"somebody{number:04}@recipient{number % 97:02}.example",
    }
    if _is_refused(number):
        text = "This address is on an internal blacklist. (#5.7.1)"
        return attempt, {"action": "dump", "message": text}
    if number % EVERY == EVERY // 4:
        return {**attempt, "sendid": "trans170101"}, {"action": "new_mtaid", "new_mtaid": "smtp1-3"}
    return attempt, {"action": "normal"}


def _is_refused(number: int) -> bool:
    return number % EVERY == EVERY // 2


def _answer(decision: Mapping[str, str]) -> str:
    return json.dumps(decision, separators=(",", ":"))


def _write(path: Path, lines: Iterator[str] | Sequence[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines))


@contextmanager
def _servers(lab: Lab, requests: Requests) -> Iterator[tuple[Server, ...]]:
    """Run all servers that this machine can run, until they have answered once."""
    with ExitStack() as stack:

        def start(
            name: str,
            *command: str | Path,
            address: Path,
            answers: Path | None = None,
            **environment: str,
        ) -> Server:
            process = stack.enter_context(
                lab.running(
                    command,
                    env={**environ, **environment},
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
            return Server(lab, name, address, process.pid, answers)

        def socket_of(name: str) -> Path:
            return lab.fresh() / name

        found = []
        address = socket_of("echo")
        program = lab.built("echo.c")
        found.append(start(ECHO, program, address, address=address, answers=requests.echoed))
        if lab.has_perl("JSON::XS", "the daemon in Perl"):
            address = socket_of("perl")
            source = PEERS / "policy_daemon.pl"
            found.append(start(PERL, "perl", source, address, requests.blacklist, address=address))
        if lab.has("node", "the daemon in JavaScript"):
            address = socket_of("node")
            source = PEERS / "policy_daemon.js"
            found.append(start(NODE, "node", source, address, requests.blacklist, address=address))
        directory = _policy(lab, requests)
        address = directory / "socket"
        command = (sys.executable, "-m", "hookframe", "serve", "--config")
        config = directory / "hookframe.toml"
        found.append(start(OURS, *command, config, address=address, PYTHONPATH=str(directory)))
        for server in found:
            wait_for(server)
        yield tuple(found)


def _policy(lab: Lab, requests: Requests) -> Path:
    """Lay down the policy: a distribution of two plugins, and a hook file."""
    directory = lab.fresh()
    for module in _POLICY:
        copy(PEERS / "policy" / f"{module}.py", directory)
    copy(ROOT / "contrib" / "hooks" / "do_nothing.py", directory)
    metadata = directory / _DISTRIBUTION
    metadata.mkdir()
    _write(
        metadata / "METADATA", ("Metadata-Version: 2.1", "Name: greenarrow-policy", "Version: 1")
    )
    points = [f"{module} = {module}" for module in _POLICY]
    _write(metadata / "entry_points.txt", ("[hookframe]", *points))
    (directory / "hookframe.toml").write_text(
        f'listen = "unix:{directory}/socket"\n'
        'chain = ["recipient_blacklist", "change_virtualmta", "file"]\n'
        'hook_file = "do_nothing.py"\n'
        "[plugins.recipient_blacklist.settings]\n"
        f'list = "{requests.blacklist}"\n'
    )
    return directory


def wait_for(server: Server) -> None:
    """Wait until a server answers, and until the daemon's standby is ready."""
    until = monotonic() + _PATIENCE
    while monotonic() < until:
        try:
            with socket(AF_UNIX) as client:
                client.connect(str(server.address))
                client.sendall(b'{"hookframe": "status"}\n')
                answer = json.loads(client.makefile().readline())
        except (OSError, ValueError):
            answer = {}
        roles = {worker["role"] for worker in answer.get("workers", ())}
        if answer and (server.name != OURS or "standby" in roles):
            return
        sleep(0.05)
    sys.exit(f"{server.name} does not answer")


def comparisons(lab: Lab) -> Iterator[Comparison]:
    """Compare the servers as they are asked in several ways, and as it becomes more."""
    requests = Requests.of(lab)
    with _servers(lab, requests) as servers:
        for pattern in PATTERNS:
            yield from _asked(pattern, servers, requests)
        yield _more_connections(lab, servers, requests)
        yield _more_keys(lab, servers)
        yield _idle(lab, servers)


def _asked(pattern: Pattern, servers: Sequence[Server], requests: Requests) -> Iterator[Comparison]:
    """Compare the rates; then what else was found out while they were measured."""
    found: dict[str, list[Asked]] = {server.name: [] for server in servers}

    def rate(server: Server) -> Measurement:
        def measure() -> float:
            asked = server.ask(pattern, requests)
            found[server.name].append(asked)
            return asked.rate

        return measure

    def noted(server: Server, what: Callable[[Asked], float]) -> Measurement:
        earlier = iter(found[server.name])
        return lambda: what(next(earlier, None) or server.ask(pattern, requests))

    yield Comparison(
        pattern.name,
        f"{pattern.title}: the rate",
        "answers a second",
        more_is_better=True,
        variants={server.name: rate(server) for server in servers},
        bars=tuple(Bar(OURS, peer, at_least=least) for peer, least in pattern.bars.items()),
        reference=ECHO,
    )
    for name, title, what in NOTED:
        yield Comparison(
            f"{pattern.name}-{name}",
            f"{pattern.title}: {title}",
            "µs",
            more_is_better=False,
            variants={server.name: noted(server, what) for server in servers},
            reference=ECHO,
        )


def _more_connections(lab: Lab, servers: Sequence[Server], requests: Requests) -> Comparison:
    """Compare what an answer costs as there are more connections."""
    places = (1, 10, 100) if lab.quick else (1, 10, 100, 1000)

    def cost(server: Server, connections: int) -> Measurement:
        pattern = Pattern("", "", "kept", connections, 1)
        return lambda: server.ask(pattern, requests).cost

    grid = {server.name: {place: cost(server, place) for place in places} for server in servers}
    variants, points = along(grid)
    return Comparison(
        "daemon-connections",
        "One request under way on each of so many connections: the server's processor time",
        "µs",
        more_is_better=False,
        variants=variants,
        rounds=5,
        reference=ECHO,
        axis="connections",
        points=points,
    )


def _more_keys(lab: Lab, servers: Sequence[Server]) -> Comparison:
    """Compare what an answer costs as an attempt has more keys than the nine."""
    pipelined = PATTERNS[0]

    def cost(server: Server, requests: Requests) -> Measurement:
        return lambda: server.ask(pipelined, requests).cost

    asked = {keys: Requests.of(lab, keys) for keys in (0, 1, 10, 50)}
    grid = {
        server.name: {keys: cost(server, requests) for keys, requests in asked.items()}
        for server in servers
    }
    variants, points = along(grid)
    return Comparison(
        "daemon-keys",
        "Attempts with so many keys more than the nine, pipelined: the server's processor time",
        "µs",
        more_is_better=False,
        variants=variants,
        rounds=5,
        reference=ECHO,
        axis="keys more",
        points=points,
    )


def _idle(lab: Lab, servers: Sequence[Server]) -> Comparison:
    """Measure what all processes of the daemon take while nobody asks anything."""
    seconds = 2.0 if lab.quick else 12.0

    def idle(server: Server) -> Measurement:
        def measure() -> float:
            sleep(SETTLING)
            before = server.processor_seconds()
            sleep(seconds)
            return (server.processor_seconds() - before) / seconds * 1e3

        return measure

    return Comparison(
        "daemon-idle",
        "Nobody asks anything: processor time of all of the server's processes",
        "ms a second",
        more_is_better=False,
        variants={server.name: idle(server) for server in servers if server.name == OURS},
        bars=(Bar(OURS, at_most=IDLE_BAR),),
        rounds=3,
    )
