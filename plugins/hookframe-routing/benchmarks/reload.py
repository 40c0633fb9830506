"""What a changed file of 10,000 exact rules and 200 patterns costs: its load, and the attempts.

    python benchmarks/reload.py [ROUNDS]

A host decides without a pause, at first without a change, which tells what else the machine does,
then while the file is replaced, until the new rules are in force. Printed are medians over the
rounds: how much longer the load takes than `tomllib.loads` on the same text, the longest
that one attempt took in both halves, and that as a part of the load.
"""

from __future__ import annotations

import os
import sys
import tempfile
import tomllib
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from hookframe_routing import Routing
from loguru import logger

from hookframe import Host

if TYPE_CHECKING:
    from collections.abc import Callable

EXACT: Final = 10_000
PATTERNS: Final = 200
MILLISECONDS: Final = 1000.0
PAGE: Final = os.sysconf("SC_PAGE_SIZE")
MEBIBYTE: Final = 1024 * 1024
ATTEMPT: Final[dict[str, Any]] = {
    "mtaid": "none",
    "sendid": "none",
    "listid": "list",
    "msguid": "1700000000.1",
    "injtime": 1_700_000_000,
    "sender": "bounces@brand.example",
    "recipient": "joe@d9999.example",
    "is_first_attempt": True,
    "mtaid_exists": True,
}


def rules(route: str) -> str:
    """Write the rules: exact domains, then regular expressions and globs."""
    exact = (
        f'[[rule]]\nmatch.recipient_domain = "d{number}.example"\nnew_mtaid = "{route}"\n'
        for number in range(EXACT)
    )
    patterns = (
        f"[[rule]]\nmatch.recipient = {{ regex = '(?i)user{number}[0-9]+@.*' }}\npause = true\n"
        if number % 2
        else f'[[rule]]\nmatch.sender_domain = {{ glob = "*.s{number}.example" }}\ndump = true\n'
        for number in range(PATTERNS)
    )
    return "\n".join([*exact, *patterns])


def memory() -> float:
    """Say how much memory the process has, in MiB."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE / MEBIBYTE


def longest(host: Host, done: Callable[[str], bool]) -> float:
    """Decide again and again until a route shows that it is done; give the longest time of one."""
    slowest = 0.0
    while True:
        began = perf_counter()
        decision: Any = host.decide(ATTEMPT)
        slowest = max(slowest, perf_counter() - began)
        if done(decision["new_mtaid"]):
            return slowest


def timed(call: Callable[[], object]) -> float:
    """Time one call."""
    began = perf_counter()
    call()
    return perf_counter() - began


def main() -> None:
    """Print what a load, a reload and its longest pause are."""
    logger.remove()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    loads, parses, lives, during, beside = [], [], [], [], []
    with tempfile.TemporaryDirectory() as directory:
        file, aside = Path(directory, "routing.toml"), Path(directory, "new.toml")
        config = Path(directory, "hookframe.toml")
        config.write_text(f'chain = ["routing"]\n[plugins.routing.settings]\nfile = "{file}"\n')
        file.write_text(rules("first"))
        before = memory()
        with Host.from_config(config) as host:
            held = memory() - before
            for number in range(rounds):
                route = f"route{number}"
                aside.write_text(rules(route))
                loads.append(timed(lambda: Routing().configure({"file": str(aside)})))
                parses.append(timed(lambda: tomllib.loads(aside.read_text())))
                host.decide(ATTEMPT)  # it comes after a while without any, and looks at the file
                until = perf_counter() + loads[-1]
                beside.append(longest(host, lambda _, until=until: perf_counter() >= until))
                aside.replace(file)
                began = perf_counter()
                during.append(longest(host, lambda seen, route=route: seen == route))
                lives.append(perf_counter() - began)
    load = median(loads)
    ratio = median(load / parse for load, parse in zip(loads, parses, strict=True))
    part = median(pause / load for pause, load in zip(during, loads, strict=True))
    print(f"{EXACT} exact rules and {PATTERNS} patterns, {rounds} rounds")
    print(f"load: {load * MILLISECONDS:.0f} ms = {ratio:.1f} times tomllib.loads alone")
    print(f"memory: {held:.0f} MiB")
    print(f"in force after {median(lives) * MILLISECONDS:.0f} ms, with no pause between attempts")
    print(
        f"longest attempt meanwhile: {median(during) * MILLISECONDS:.1f} ms = {part:.3f} of the "
        f"load; without a change {median(beside) * MILLISECONDS:.1f} ms"
    )


if __name__ == "__main__":
    main()
