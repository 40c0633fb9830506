"""A call of GreenArrow's hook against a bare round trip, in turn in one process.

The bare round trip is to another Perl process over a unix socket: the same bytes out, a decision
in, and nothing done with either. The hook asks that process, which shows what the hook itself
costs, and a daemon with a hook file that returns None.

    python benchmarks/greenarrow.py [ROUNDS]
"""

from __future__ import annotations

import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from supervision import daemon

CALLS = 200
BAR = 4.0
HERE = Path(__file__).parent
FILE = HERE.parent / "contrib" / "mta" / "greenarrow" / "opt.pre_delivery_attempt_hook"
QUIET = "def pre_delivery_attempt(attempt): return None\n"


def measured(rounds: int) -> list[dict[str, float]]:
    """Time all ways in turn; return the seconds of each in each round."""
    with tempfile.TemporaryDirectory() as directory, daemon(QUIET) as running:
        echo = Path(directory) / "echo"
        command = ["perl", HERE / "greenarrow.pl", FILE, running.address, echo, rounds, CALLS]
        done = subprocess.run([*map(str, command)], stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def main() -> int:
    """Print the ratio of each way; exit 1 if the bar is missed."""
    if shutil.which("json_pp") is None:
        sys.exit("Perl is not installed with its modules (Debian: apt-get install perl)")
    rounds = measured(int(sys.argv[1]) if len(sys.argv) > 1 else 60)
    bare = statistics.median(each["bare"] for each in rounds) / CALLS
    print(f"a bare round trip to another Perl process: {bare * 1e6:.0f} µs (median)")
    medians = {}
    for way in sorted(rounds[0].keys() - {"bare"}):
        found = [each[way] / each["bare"] for each in rounds]
        medians[way] = statistics.median(found)
        spread = statistics.quantiles(found, n=10)
        print(
            f"the hook asking {way}: {medians[way]:.2f} of that (10th to 90th percentile "
            f"{spread[0]:.2f} to {spread[-1]:.2f}, {len(rounds)} rounds)"
        )
    met = medians["the same process, kept"] <= BAR
    print(f"bar for the same process, kept: at most {BAR}: {'met' if met else 'MISSED'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
