"""A line of the log in a directory, and a line that is left out, against a raw `os.write`.

The raw write appends the same line to a file in the same directory, and does nothing else. What
a plugin prints beyond its limit is timed inside the hook, as the plugin sees it: one call of
`sys.stdout.write`, and one of `print`, which makes two calls of `write`. The times are those that
the thread was running, so that a busy machine shows little.

    python benchmarks/log.py [ROUNDS]
"""

from __future__ import annotations

import json
import os
import statistics
import sys
import tempfile
import timeit
from collections.abc import Callable
from pathlib import Path
from time import thread_time

from hookframe import Host
from hookframe.config import Config, LogTable
from hookframe.log import Log
from hookframe.loggers import daemon_log

CALLS = 100
LOGGED_BAR = 30.0
WRITE_BAR = 1.0
PRINT_BAR = 2.5
HOOK = """
import json
import os
import sys
import time
import timeit

LINE = "x" * 150
RAW = (LINE + "\\n").encode()


def pre_delivery_attempt(attempt):
    def timed(call):
        return timeit.timeit(call, number=attempt["calls"], timer=time.thread_time)

    for _ in range(101):
        print("more than may be printed in this second")
    raw = timed(lambda: os.write(attempt["file"], RAW))
    write = timed(lambda: sys.stdout.write("x" * 150 + "\\n"))
    printed = timed(lambda: print(LINE))
    return {"action": "pause", "message": json.dumps([write / raw, printed / raw])}
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


def timed(call: Callable[[], object]) -> float:
    """Time some calls."""
    return timeit.timeit(call, number=CALLS, timer=thread_time)


def logged(log: Log, file: int, rounds: int) -> list[float]:
    """Time a logged line and a raw write of the same length in turn."""
    text = "x" * 145
    raw = f"@400000006b036da30a95d648 INFO    {text}\n".encode()
    found = []
    for _ in range(rounds):
        ours = timed(lambda: log.info(text))
        write = timed(lambda: os.write(file, raw))
        found.append(ours / write)
    return found


def left_out(log: Log, directory: Path, file: int, rounds: int) -> tuple[list[float], list[float]]:
    """Have a hook time what it prints beyond its limit, by `write` and by `print`."""
    hook_file = directory / "hook.py"
    hook_file.write_text(HOOK)
    attempt = {**ATTEMPT, "file": file, "calls": CALLS}
    with Host.of(Config(hook_file=str(hook_file)), watch=False, log=log) as host:
        if host.problem:
            sys.exit(host.problem)
        found = [json.loads(host.decide(attempt)["message"]) for _ in range(rounds)]
    written, printed = zip(*found, strict=True)
    return list(written), list(printed)


def shown(what: str, found: list[float], bar: float) -> bool:
    """Print what was found, and say whether the bar is met."""
    median = statistics.median(found)
    spread = statistics.quantiles(found, n=10)
    met = median <= bar
    print(
        f"{what} takes {median:.2f} of a raw os.write (10th to 90th percentile {spread[0]:.2f} to "
        f"{spread[-1]:.2f}, {len(found)} rounds)\nbar: at most {bar:g}: "
        f"{'met' if met else 'MISSED'}"
    )
    return met


def main() -> int:
    """Print the ratios; exit 1 if a bar is missed."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        log = daemon_log(LogTable(str(directory / "log"), size=1 << 30))
        file = os.open(directory / "raw", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
        lines = logged(log, file, rounds)
        written, printed = left_out(log, directory, file, rounds)
        os.close(file)
    met = [
        shown("a line of the log", lines, LOGGED_BAR),
        shown("a line that a plugin writes beyond its limit", written, WRITE_BAR),
        shown("a line that a plugin prints beyond its limit", printed, PRINT_BAR),
    ]
    return 0 if all(met) else 1


if __name__ == "__main__":
    sys.exit(main())
