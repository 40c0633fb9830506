"""What the things that a plugin may do cost an attempt: docs/plugins/guide.md quotes the ratios.

Each is timed in turn with `Host.decide` of a chain with one plugin that returns None, in one
process. The ratio says how much of such a bare attempt the thing adds: 1 doubles it. The times are
those that the thread was running, so that a busy machine shows little.

    python benchmarks/costs.py [ROUNDS]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import timeit
from pathlib import Path
from time import thread_time

from loguru import logger

from hookframe import Host
from hookframe.config import Config, PluginTable
from hookframe.policy import Policy

CALLS = 1000
MODULE = """
import re
from pathlib import Path

from hookframe import hookimpl, take_snapshot

LIST = Path(__file__).with_name("list.txt")
LIST.write_text("".join(f"user{number}@example.com\\n" for number in range(1000)))
KNOWN = frozenset(LIST.read_text().split())
SNAPSHOT = take_snapshot(str(LIST))
PATTERN = re.compile(r"user[0-9]+@(.*\\.)?example\\.(com|net)")


def plugin(name, body):
    source = f"def pre_delivery_attempt(self, attempt, decision, state):\\n    {body}\\n"
    namespace = {}
    exec(source, globals(), namespace)
    hook = hookimpl(namespace["pre_delivery_attempt"])
    return type(name, (), {"pre_delivery_attempt": hook})


Nothing = plugin("Nothing", "return None")
Route = plugin("Route", "return {'action': 'new_mtaid', 'new_mtaid': 'bulk'}")
Pause = plugin("Pause", "return {'action': 'pause', 'message': 'later'}")
Lookup = plugin("Lookup", "attempt['recipient'] in KNOWN")
Regex = plugin("Regex", "PATTERN.fullmatch(attempt['recipient'])")
Unchanged = plugin("Unchanged", "SNAPSHOT.is_unchanged()")
Read = plugin("Read", "frozenset(LIST.read_text().split())")
Print = plugin("Print", "print('seen', attempt['recipient'])")


class Observer(Nothing):
    @hookimpl
    def decided(self, attempt, decision, trace):
        pass


class Wrapper:
    @hookimpl(wrapper=True)
    def pre_delivery_attempt(self):
        return (yield)
"""
ATTEMPT = {
    "mtaid": "smtp1",
    "sendid": "news-2026-11",
    "listid": "weekly",
    "msguid": "1483391740.41125123",
    "injtime": 1483391740,
    "sender": "bounce@sender.example",
    "recipient": "user77@example.com",
    "is_first_attempt": True,
    "mtaid_exists": True,
}
BARE = ("nothing",)
THINGS: dict[str, tuple[tuple[str, ...], Policy]] = {
    "one more plugin that returns None": (("nothing", "again"), Policy()),
    "a plugin's own deadline": (BARE, Policy(deadline=5.0)),
    "a look-up in a set": (("lookup",), Policy()),
    "a regular expression": (("regex",), Policy()),
    "a decision that routes": (("route",), Policy()),
    "a decision that defers": (("pause",), Policy()),
    "is_unchanged of a snapshot": (("unchanged",), Policy()),
    "a wrapper": (("nothing", "wrapper"), Policy()),
    "an observer (decided)": (("observer",), Policy()),
    "a line printed": (("print",), Policy()),
    "a list of 1,000 lines read": (("read",), Policy()),
}


def install(directory: Path) -> None:
    """Lay down a distribution with a plugin for each thing."""
    (directory / "costly_plugins.py").write_text(MODULE)
    metadata = directory / "costly_plugins-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: costly\nVersion: 1.0\n")
    classes = ["Nothing", "Route", "Pause", "Lookup", "Regex", "Unchanged", "Read", "Print"]
    points = [f"{each.lower()} = costly_plugins:{each}" for each in classes]
    points += ["again = costly_plugins:Nothing"]
    points += ["observer = costly_plugins:Observer", "wrapper = costly_plugins:Wrapper"]
    (metadata / "entry_points.txt").write_text("[hookframe]\n" + "\n".join(points) + "\n")
    sys.path.insert(0, str(directory))


def seconds(chain: tuple[str, ...], policy: Policy) -> float:
    """Time many attempts of a host with a chain, whose plugins all have one policy."""
    tables = {name: PluginTable(policy) for name in chain}
    # One host at a time: each takes the place of the standard streams while it is open.
    with Host.of(Config(chain=chain, plugins=tables), watch=False) as host:
        if host.problem:
            sys.exit(host.problem)
        host.decide(ATTEMPT)
        return timeit.timeit(lambda: host.decide(ATTEMPT), number=CALLS, timer=thread_time)


def main() -> None:
    """Print what each thing adds to a bare attempt."""
    logger.remove()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 25
    with tempfile.TemporaryDirectory() as directory:
        install(Path(directory))
        for thing, (chain, policy) in THINGS.items():
            added = [seconds(chain, policy) / seconds(BARE, Policy()) - 1 for _ in range(rounds)]
            print(f"{thing}: {statistics.median(added):.2f} of a bare attempt")


if __name__ == "__main__":
    main()
