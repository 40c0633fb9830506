"""How long commands take to start, beside a bare interpreter, with few and many installed packages.

Everything is in the page cache and compiled, as it is from the second start on. The distributions
are made up, each with metadata of an ordinary length; ten and two hundred are what small and large
environments have.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from time import perf_counter
from typing import Final

from benchmarks.lab import ATTEMPT, Lab
from benchmarks.measure import Bar, Comparison, Measurement, along, at

BARE, VERSION = "python -c pass", "hookframe --version"
DECIDE, SERVE = "hookframe decide", "hookframe serve, until ready"
INSTALLED: Final = (10, 200)
_DESCRIPTION: Final = "What this package is for, in a line of its description.\n" * 50


def comparisons(lab: Lab) -> Iterator[Comparison]:
    """Compare the commands, with ten distributions and with two hundred."""
    grid: dict[str, dict[float, Measurement]] = {BARE: {}, VERSION: {}, DECIDE: {}, SERVE: {}}
    for installed in INSTALLED:
        environment = {**os.environ, "PYTHONPATH": str(_distributions(lab.fresh(), installed))}
        hook = lab.fresh() / "hook.py"
        hook.write_text("def pre_delivery_attempt(attempt):\n    return None\n")
        script = Path(sys.executable).with_name("hookframe")
        command = [str(script)] if script.exists() else [sys.executable, "-m", "hookframe"]
        keys = [f"{key}={int(value) if value is True else value}" for key, value in ATTEMPT.items()]
        policy = ["--hook-file", str(hook)]
        grid[BARE][installed] = _run([sys.executable, "-c", "pass"], environment)
        grid[VERSION][installed] = _run([*command, "--version"], environment)
        grid[DECIDE][installed] = _run([*command, "decide", *policy, *keys], environment)
        listen = ["--listen", f"unix:{hook.parent}/socket"]
        grid[SERVE][installed] = _ready([*command, "serve", *policy, *listen], environment)
    variants, points = along(grid)
    yield Comparison(
        "start",
        "From the start of a command to its end",
        "ms",
        more_is_better=False,
        variants=variants,
        bars=tuple(Bar(at(VERSION, many), at(BARE, many), at_most=3) for many in INSTALLED),
        reference=BARE,
        axis="installed distributions",
        points=points,
    )


def _distributions(directory: Path, number: int) -> Path:
    """Lay down distributions of one module each, none of them a plugin."""
    for each in range(number):
        metadata = directory / f"package_{each}-1.0.dist-info"
        metadata.mkdir()
        (directory / f"package_{each}.py").write_text("")
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: package-{each}\nVersion: 1.0\n\n{_DESCRIPTION}"
        )
        (metadata / "entry_points.txt").write_text(
            f"[console_scripts]\npackage-{each} = package_{each}:main\n"
        )
    return directory


def _run(command: list[str], environment: Mapping[str, str]) -> Measurement:
    """Measure a command from its start to its end, in milliseconds."""

    def measure() -> float:
        begun = perf_counter()
        subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
        return (perf_counter() - begun) * 1000

    return measure


def _ready(command: list[str], environment: Mapping[str, str]) -> Measurement:
    """Measure a daemon from its start until it says that it listens, in milliseconds."""

    def measure() -> float:
        begun = perf_counter()
        with subprocess.Popen(
            command, env=environment, stderr=subprocess.PIPE, text=True
        ) as daemon:
            said = any("listening on" in line for line in daemon.stderr or ())
            taken = (perf_counter() - begun) * 1000
            daemon.terminate()
            daemon.communicate()
        if not said:
            sys.exit("the daemon ended before it listened")
        return taken

    return measure
