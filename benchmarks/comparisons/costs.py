"""What the things that a plugin may do cost an attempt: docs/plugins/guide.md has the table.

A *bare attempt* is `Host.decide` with one plugin that returns None. The ratio to it says what the
thing makes of it: 1 adds nothing, 2 doubles it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from benchmarks.lab import Lab
from benchmarks.measure import Comparison
from benchmarks.policies import deciding, install_distribution
from hookframe.config.model import Config, PluginTable
from hookframe.config.plugin_policy import Policy

BARE: Final = "a bare attempt"
CALLS: Final = 2000
_MODULE: Final = """
import re
from pathlib import Path

from hookframe import hookimpl, take_snapshot

LIST = Path(__file__).with_name("list.txt")
LIST.write_text("".join(f"user{number}@example.com\\n" for number in range(1000)))
KNOWN = frozenset(LIST.read_text().split())
SNAPSHOT = take_snapshot(str(LIST))
PATTERN = re.compile(r"[a-z]+@(.*\\.)?recipient\\.(example|test)")


def plugin(name, body):
    source = f"def pre_delivery_attempt(self, attempt, decision, state):\\n    {body}\\n"
    namespace = {}
    exec(source, globals(), namespace)
    hook = hookimpl(namespace["pre_delivery_attempt"])
    return type(name, (), {"pre_delivery_attempt": hook})


Nothing = plugin("Nothing", "return None")
Again = plugin("Again", "return None")
Route = plugin("Route", "return {'action': 'new_mtaid', 'new_mtaid': 'bulk'}")
Pause = plugin("Pause", "return {'action': 'pause', 'message': 'later'}")
Personal = plugin(
    "Personal", "return {'action': 'pause', 'message': 'later, ' + attempt['recipient']}"
)
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
_PLUGINS: Final = (
    "Nothing",
    "Again",
    "Route",
    "Pause",
    "Personal",
    "Lookup",
    "Regex",
    "Unchanged",
    "Read",
    "Print",
    "Observer",
    "Wrapper",
)
_THINGS: Final[dict[str, tuple[tuple[str, ...], Policy]]] = {
    BARE: (("nothing",), Policy()),
    "one more plugin that returns `None`": (("nothing", "again"), Policy()),
    "a look-up in a set": (("lookup",), Policy()),
    "`is_unchanged()` of a snapshot": (("unchanged",), Policy()),
    "a regular expression": (("regex",), Policy()),
    "a decision that routes": (("route",), Policy()),
    "a decision that defers": (("pause",), Policy()),
    "a decision with a message of its own for each attempt": (("personal",), Policy()),
    "a `deadline` of the plugin's own": (("nothing",), Policy(deadline=5.0)),
    "a wrapper": (("nothing", "wrapper"), Policy()),
    "a printed line": (("print",), Policy()),
    "an observer, `decided`, on all attempts of the chain": (("observer",), Policy()),
    "a list of 1,000 lines, read at every attempt": (("read",), Policy()),
}


def comparisons(lab: Lab) -> Iterator[Comparison]:
    """Compare an attempt with each thing in it with a bare one."""
    points = {name.lower(): f"costly_plugins:{name}" for name in _PLUGINS}
    install_distribution(lab.fresh(), "costly_plugins", _MODULE, points)
    calls = CALLS // (20 if lab.quick else 1)
    yield Comparison(
        "costs",
        "An attempt with one thing more in it",
        "ns",
        more_is_better=False,
        variants={
            thing: deciding(
                Config(chain=chain, plugins={name: PluginTable(policy) for name in chain}), calls
            )
            for thing, (chain, policy) in _THINGS.items()
        },
        reference=BARE,
    )
