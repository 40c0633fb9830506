"""How much more an attempt costs with 10,000 exact rules than with ten, and with 200 patterns.

    python benchmarks/rules.py

The two tables take turns in one process, so that what else the machine does hits both alike.
Printed is the median of the ratios of all rounds, for attempts that rules match and for attempts
that none does. The number of steps is the same (the tests count them); what the ratio is above 1
is memory: with 10,000 rules, attempts reach a thousand different ones, with ten always the same.

Patterns are tried one after another where no exact rule decides. So the time of a host for an
attempt that reaches the end of 200 patterns is compared with that for ten exact rules.
"""

from __future__ import annotations

import sys
from statistics import median
from time import perf_counter_ns
from typing import TYPE_CHECKING, Any, Final

from hookframe_routing import Routing
from loguru import logger

from hookframe import Host
from hookframe.config.model import Config, PluginTable
from hookframe.config.plugin_policy import Policy

if TYPE_CHECKING:
    from collections.abc import Callable

    Kind = Callable[[int], dict[str, str]]

ROUNDS: Final = 61
ATTEMPTS: Final = 1000
FEW: Final = 10
MANY: Final = 10_000
TRIED: Final = 200
STRIDE: Final = 37
ATTEMPT: Final = {
    "mtaid": "none",
    "sendid": "none",
    "listid": "list",
    "msguid": "1700000000.1",
    "injtime": 1_700_000_000,
    "sender": "bounces@brand.example",
    "is_first_attempt": True,
    "mtaid_exists": True,
}


def by_domain(number: int) -> dict[str, str]:
    """One exact condition, another value in each rule."""
    return {"recipient_domain": f"d{number}.example"}


def by_two_keys(number: int) -> dict[str, str]:
    """Two exact conditions, of which neither value is rare."""
    return {"mtaid": f"m{number % 100}", "sendid": f"s{number // 100}"}


def by_regex(number: int) -> dict[str, Any]:
    """One regular expression."""
    return {"recipient": {"regex": f"(?i)user{number}[0-9]+@.*"}}


def by_glob(number: int) -> dict[str, Any]:
    """One glob of the usual form."""
    return {"sender_domain": {"glob": f"*.s{number}.example"}}


def plugin_with(kind: Kind, rules: int) -> Routing:
    """Configure a plugin with that many rules of a kind."""
    plugin = Routing()
    plugin.configure(
        {"rule": [{"match": kind(number), "new_mtaid": number % 50} for number in range(rules)]}
    )
    return plugin


def attempts_for(kind: Kind, rules: int, *, hit: bool) -> list[Any]:
    """Make attempts that reach rules all over the table, or none."""
    made = []
    for each in range(ATTEMPTS):
        wanted = kind(each * STRIDE % rules) if hit else {}
        domain = wanted.pop("recipient_domain", f"none{each}.example")
        made.append({**ATTEMPT, **wanted, "recipient": f"joe{each}@{domain}"})
    return made


def nanoseconds(decide: Callable[[Any], object], attempts: list[Any]) -> int:
    """Measure all attempts, one after another."""
    start = perf_counter_ns()
    for attempt in attempts:
        decide(attempt)
    return perf_counter_ns() - start


def measured(kind: Kind, *, hit: bool) -> float:
    """Measure both tables in turns; return the median ratio."""
    few, many = plugin_with(kind, FEW), plugin_with(kind, MANY)
    asked_few, asked_many = attempts_for(kind, FEW, hit=hit), attempts_for(kind, MANY, hit=hit)
    ratios = []
    for _ in range(ROUNDS):
        floor = nanoseconds(few.pre_delivery_attempt, asked_few)
        ratios.append(nanoseconds(many.pre_delivery_attempt, asked_many) / floor)
    return median(ratios)


def host_with(kind: Callable[[int], dict[str, Any]], rules: int) -> Host:
    """Make a host whose chain is the plugin with that many rules of a kind."""
    given = {"rule": [{"match": kind(number), "dump": True} for number in range(rules)]}
    config = Config(chain=("routing",), plugins={"routing": PluginTable(Policy(), given)})
    host = Host.of(config, watch=False)
    if host.problem:
        sys.exit(host.problem)
    return host


def patterns(kind: Callable[[int], dict[str, Any]]) -> float:
    """Measure attempts that no rule matches with patterns against exact rules, through a host."""
    attempts = attempts_for(by_domain, FEW, hit=False)
    ratios = []
    with host_with(kind, TRIED) as tried, host_with(by_domain, FEW) as looked_up:
        for _ in range(ROUNDS):
            floor = nanoseconds(looked_up.decide, attempts)
            ratios.append(nanoseconds(tried.decide, attempts) / floor)
    return median(ratios)


def main() -> None:
    """Print a ratio for each kind of rule."""
    logger.remove()
    for kind in (by_domain, by_two_keys):
        for hit in (True, False):
            what = f"{kind.__name__}, {'matched' if hit else 'not matched'}"
            ratio = measured(kind, hit=hit)
            print(f"{what}: {MANY} rules / {FEW} rules = {ratio:.2f}")
    for tried in (by_glob, by_regex):
        what = f"{tried.__name__}, not matched, Host.decide"
        print(f"{what}: {TRIED} rules / {FEW} exact rules = {patterns(tried):.1f}")


if __name__ == "__main__":
    main()
