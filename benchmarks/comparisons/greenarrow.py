"""A call of GreenArrow's hook beside a bare round trip to another Perl process.

The bare round trip is over a unix socket: the same bytes out, a decision in, and nothing done with
either. The hook asks that process, which shows what the hook itself costs, and a daemon with a hook
file that returns None.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Mapping
from typing import Final

from benchmarks.daemons import daemon
from benchmarks.lab import PEERS, ROOT, Lab
from benchmarks.measure import Bar, Comparison, Several

BARE, KEPT = "a bare round trip", "the same process, kept"
WAYS: Final = (
    BARE,
    KEPT,
    "the same process, connecting",
    "hookframe, kept",
    "hookframe, connecting",
)
CALLS: Final = 200
_FILE: Final = ROOT / "contrib" / "mta" / "greenarrow" / "opt.pre_delivery_attempt_hook"
_QUIET: Final = "def pre_delivery_attempt(attempt): return None\n"


def comparisons(lab: Lab) -> Iterator[Comparison]:
    """Compare all ways; a Perl program measures them in turns."""
    if not lab.has_perl("JSON::PP", "GreenArrow's hook"):
        return
    with lab.everywhere(), daemon(lab.fresh(), _QUIET) as running:
        echo = lab.fresh() / "echo"
        command = ["perl", PEERS / "greenarrow.pl", _FILE, running.address, echo, CALLS]
        with subprocess.Popen(
            [*map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as perl:

            def measure() -> Mapping[str, float]:
                perl.stdin.write("\n")
                perl.stdin.flush()
                found = json.loads(perl.stdout.readline())
                return {way: seconds / CALLS * 1e6 for way, seconds in found.items()}

            measure()  # everything is compiled and connected by then
            several = Several(measure)
            yield Comparison(
                "greenarrow",
                "A call of GreenArrow's hook",
                "µs",
                more_is_better=False,
                variants={way: several.figure(way) for way in WAYS},
                bars=(Bar(KEPT, BARE, at_most=4),),
                rounds=60,
                reference=BARE,
            )
            perl.stdin.close()
