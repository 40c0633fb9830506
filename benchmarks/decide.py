"""`Host.decide` against a raw pluggy call with the same plugins, in turn in one process.

The host does what it always does: it checks the attempt, keeps other threads out, takes what the
plugins print, watches the chain's deadline, checks and folds; the raw call does none of that.

    python benchmarks/decide.py [ROUNDS]
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import timeit
from pathlib import Path

import pluggy
from loguru import logger

from hookframe import Host, hookspecs
from hookframe.config import Config

CALLS = 2000
BAR = 0.45
MODULE = """
from hookframe import hookimpl

class Quiet:
    @hookimpl
    def pre_delivery_attempt(self, attempt, decision, state):
        return None
"""
ATTEMPT = {
    "mtaid": "smtp1",
    "sendid": "news-2026-11",
    "listid": "weekly",
    "msguid": "1483391740.41125123",
    "injtime": 1483391740,
    "sender": "bounce@sender.example",
    "recipient": "somebody@recipient.example",
    "is_first_attempt": True,
    "mtaid_exists": True,
}


def install_quiet_plugins(directory: Path, count: int) -> tuple[str, ...]:
    """Lay down a distribution with so many plugins that return None; return their names."""
    names = tuple(f"quiet{number}" for number in range(count))
    (directory / "quiet_plugins.py").write_text(MODULE)
    metadata = directory / "quiet_plugins-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: quiet-plugins\nVersion: 1.0\n")
    points = "\n".join(f"{name} = quiet_plugins:Quiet" for name in names)
    (metadata / "entry_points.txt").write_text(f"[hookframe]\n{points}\n")
    sys.path.insert(0, str(directory))
    return names


def ratios(host: Host, names: tuple[str, ...], rounds: int) -> list[float]:
    """Time both in turn, as often as there are rounds."""
    from quiet_plugins import Quiet  # noqa: PLC0415  (it has just been made)

    manager = pluggy.PluginManager("hookframe")
    manager.add_hookspecs(hookspecs)
    for name in names:
        manager.register(Quiet(), name=name)
    decision: dict[str, str] = {"action": "normal"}
    state: dict[str, object] = {}
    hook = manager.hook
    found = []
    for _ in range(rounds):
        ours = timeit.timeit(lambda: host.decide(ATTEMPT), number=CALLS)
        raw = timeit.timeit(
            lambda: hook.pre_delivery_attempt(attempt=ATTEMPT, decision=decision, state=state),
            number=CALLS,
        )
        found.append(ours / raw)
    return found


def main() -> int:
    """Print the ratio for 3 and 10 plugins; exit 1 if the bar for 10 is missed."""
    logger.remove()
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    median = 0.0
    for count in (3, 10):
        with tempfile.TemporaryDirectory() as directory:
            names = install_quiet_plugins(Path(directory), count)
            with Host.of(Config(chain=names), watch=False) as host:
                if host.problem:
                    sys.exit(host.problem)
                found = ratios(host, names, rounds)
        median = statistics.median(found)
        spread = statistics.quantiles(found, n=10)
        print(
            f"{count:2} plugins that return None: Host.decide takes {median:.3f} of a raw pluggy "
            f"call (10th to 90th percentile {spread[0]:.3f} to {spread[-1]:.3f}, {rounds} rounds)"
        )
    print(f"bar for 10 plugins: at most {BAR}: {'met' if median <= BAR else 'MISSED'}")
    return 0 if median <= BAR else 1


if __name__ == "__main__":
    sys.exit(main())
