"""A line of the log in a directory, and a line that is left out, against a raw `os.write`.

The raw write appends the same line to a file in the same directory, and does nothing else. What
a plugin prints beyond its limit is timed inside the hook, as the plugin sees it.

    python benchmarks/log.py [ROUNDS]
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import timeit
from pathlib import Path

from hookframe import Host
from hookframe.config import Config, LogTable
from hookframe.log import Log
from hookframe.loggers import daemon_log

CALLS = 2000
LOGGED_BAR = 30.0
LEFT_OUT_BAR = 1.0
HOOK = """
import os
import timeit

LINE = "x" * 150
RAW = (LINE + "\\n").encode()


def pre_delivery_attempt(attempt):
    for _ in range(100):
        print("what may be printed in this second")
    raw = timeit.timeit(lambda: os.write(attempt["file"], RAW), number=attempt["calls"])
    left_out = timeit.timeit(lambda: print(LINE), number=attempt["calls"])
    return {"action": "pause", "message": str(left_out / raw)}
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


def logged(log: Log, file: int, rounds: int) -> list[float]:
    """Time a logged line and a raw write of the same length in turn."""
    text = "x" * 145
    raw = f"@400000006b036da30a95d648 INFO    {text}\n".encode()
    found = []
    for _ in range(rounds):
        ours = timeit.timeit(lambda: log.info(text), number=CALLS)
        write = timeit.timeit(lambda: os.write(file, raw), number=CALLS)
        found.append(ours / write)
    return found


def left_out(log: Log, directory: Path, file: int, rounds: int) -> list[float]:
    """Have a hook time a line that it prints beyond its limit, and a raw write."""
    hook_file = directory / "hook.py"
    hook_file.write_text(HOOK)
    attempt = {**ATTEMPT, "file": file, "calls": CALLS}
    with Host.of(Config(hook_file=str(hook_file), deadline=None), watch=False, log=log) as host:
        if host.problem:
            sys.exit(host.problem)
        return [float(host.decide(attempt)["message"]) for _ in range(rounds)]


def shown(what: str, found: list[float], bar: float) -> bool:
    """Print what was found, and say whether the bar is met."""
    median = statistics.median(found)
    spread = statistics.quantiles(found, n=10)
    met = median <= bar
    print(
        f"{what} takes {median:.2f} of a raw os.write (10th to 90th percentile {spread[0]:.2f} to "
        f"{spread[-1]:.2f}, {len(found)} rounds); bar: at most {bar:g}: {'met' if met else 'MISSED'}"
    )
    return met


def main() -> int:
    """Print both ratios; exit 1 if a bar is missed."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        log = daemon_log(LogTable(str(directory / "log"), size=1 << 30))
        file = os.open(directory / "raw", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        met = [
            shown("a line of the log", logged(log, file, rounds), LOGGED_BAR),
            shown(
                "a printed line that is left out",
                left_out(log, directory, file, rounds),
                LEFT_OUT_BAR,
            ),
        ]
        os.close(file)
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
