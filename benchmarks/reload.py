"""From the save of a hook file to the first decision by its new code, for each way of saving.

python benchmarks/reload.py [SAVES]
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, sleep

from decide import ATTEMPT
from loguru import logger

from hookframe import Host
from hookframe.config import Config

BAR_MILLISECONDS = 10
GIVE_UP_SECONDS = 5.0
Save = Callable[[Path, str], None]


def source(number: int) -> str:
    """Write a hook of about fifty lines that answers with a number."""
    rules = "\n".join(
        f"    if attempt['sendid'] == 'campaign-{each}':\n"
        f"        return {{'action': 'pause', 'message': 'campaign {each} is on hold'}}"
        for each in range(24)
    )
    return (
        "def pre_delivery_attempt(attempt):\n"
        f"{rules}\n    return {{'action': 'pause', 'message': '{number}'}}\n"
    )


def in_place(path: Path, text: str) -> None:
    """Write over the file."""
    path.write_text(text)


def rename_over(path: Path, text: str) -> None:
    """Write beside the file, and rename over it."""
    beside = path.with_suffix(".new")
    beside.write_text(text)
    beside.replace(path)


def move_from_elsewhere(path: Path, text: str) -> None:
    """Write in another directory, and move it here."""
    elsewhere = path.parent.parent / "elsewhere.py"
    elsewhere.write_text(text)
    elsewhere.replace(path)


def same_size_and_time(path: Path, text: str) -> None:
    """Write over the file, and give it back its time stamp."""
    before = path.stat()
    path.write_text(text)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def swapped_link(path: Path, text: str) -> None:
    """Swap a symbolic link to a directory, as a ConfigMap is updated."""
    volume = path.parent
    version = volume / f"..{perf_counter()}"
    version.mkdir()
    (version / path.name).write_text(text)
    link = volume / "..data"
    fresh = volume / "..data_tmp"
    fresh.symlink_to(version.name)
    fresh.replace(link)
    if not path.is_symlink():
        path.unlink()
        path.symlink_to(f"..data/{path.name}")


def milliseconds(host: Host, path: Path, save: Save, number: int) -> float:
    """Save once, and wait for the decision of the new code."""
    save(path, source(number))
    saved = perf_counter()
    while host.decide(ATTEMPT).get("message") != str(number):
        if perf_counter() - saved > GIVE_UP_SECONDS:
            sys.exit(f"{save.__name__}: not live after {GIVE_UP_SECONDS} s: {host.problem}")
        sleep(0.0002)
    return (perf_counter() - saved) * 1000


def main() -> int:
    """Print a line for each way of saving; exit 1 if a median misses the bar."""
    logger.remove()
    saves = int(sys.argv[1]) if len(sys.argv) > 1 else 40
    met = True
    ways: list[Save] = [
        in_place, rename_over, move_from_elsewhere, same_size_and_time, swapped_link,
    ]  # fmt: skip
    for way in ways:
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "hooks" / "hook.py"
            path.parent.mkdir()
            path.write_text(source(1000))
            with Host.of(Config(hook_file=str(path))) as host:
                times = [milliseconds(host, path, way, 1001 + each) for each in range(saves)]
        median = statistics.median(times)
        met = met and median <= BAR_MILLISECONDS
        print(f"{way.__name__:20} median {median:6.2f} ms, largest {max(times):6.2f} ms")
    print(f"bar: each median at most {BAR_MILLISECONDS} ms: {'met' if met else 'MISSED'}")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
