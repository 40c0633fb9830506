"""A line of the log in a directory, and a line that is left out, beside a raw `os.write`.

The raw write appends the same line to a file in the same directory, and does nothing else. What
a plugin prints beyond its limit is timed inside the hook, as the plugin sees it: one call of
`sys.stdout.write`, and one of `print`, which makes two calls of `write`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Final

from benchmarks.lab import ATTEMPT, Lab
from benchmarks.measure import Bar, Comparison, Several, nanoseconds
from benchmarks.policies import host
from hookframe.config.model import Config, LogTable
from hookframe.log.setup import make_daemon_log

RAW, LOGGED, WRITTEN, PRINTED = "os.write", "a line of the log", "write", "print"
CALLS: Final = 100
ROUNDS: Final = 100
_TEXT: Final = "x" * 145
_HOOK: Final = """
import json
import os
import sys
import time
import timeit

LINE = "x" * 150
RAW = (LINE + "\\n").encode()


def pre_delivery_attempt(attempt):
    def timed(call):
        calls = attempt["calls"]
        return timeit.timeit(call, number=calls, timer=time.thread_time) / calls * 1e9

    for _ in range(101):
        print("more than may be printed in this second")
    found = {
        "os.write": timed(lambda: os.write(attempt["file"], RAW)),
        "write": timed(lambda: sys.stdout.write("x" * 150 + "\\n")),
        "print": timed(lambda: print(LINE)),
    }
    return {"action": "pause", "message": json.dumps(found)}
"""


def comparisons(lab: Lab) -> Iterator[Comparison]:
    """Compare what is logged, and what is left out."""
    directory = lab.fresh()
    file = os.open(directory / "raw", os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    log = make_daemon_log(LogTable(str(directory / "log"), size=1 << 30))
    raw = f"@400000006b036da30a95d648 INFO    {_TEXT}\n".encode()
    yield Comparison(
        "log-line",
        "A line of the log in a directory",
        "ns",
        more_is_better=False,
        variants={
            RAW: nanoseconds("write(file, raw)", CALLS, write=os.write, file=file, raw=raw),
            LOGGED: nanoseconds("info(text)", CALLS, info=log.info, text=_TEXT),
        },
        bars=(Bar(LOGGED, RAW, at_most=30),),
        rounds=ROUNDS,
        reference=RAW,
    )
    hook_file = directory / "hook.py"
    hook_file.write_text(_HOOK)
    with host(Config(hook_file=str(hook_file)), log=log) as opened:

        def left_out() -> Mapping[str, float]:
            return json.loads(opened.decide({**ATTEMPT, "file": file, "calls": CALLS})["message"])

        several = Several(left_out)
        yield Comparison(
            "log-left-out",
            "A line that a plugin prints beyond its limit",
            "ns",
            more_is_better=False,
            variants={name: several.figure(name) for name in (RAW, WRITTEN, PRINTED)},
            bars=(Bar(WRITTEN, RAW, at_most=8), Bar(PRINTED, RAW, at_most=16)),
            rounds=ROUNDS,
            reference=RAW,
        )
    os.close(file)
