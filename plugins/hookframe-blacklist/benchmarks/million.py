"""A list of 1,000,000 addresses, read again: the plugin against GreenArrow's Perl example.

    python benchmarks/million.py [ROUNDS]

Each round runs both in turn, in fresh processes, on the same file: it is replaced by one with one
address more. The plugin's time is from the rename until a host's decision shows the new list; it
decides 4,000 attempts a second meanwhile, and the longest of these decisions is the pause. Memory
is what a process has gained since before it knew the list, with the whole of the table, or of the
old and the new one. That of the processes that read it for the plugin is gone when it is read: how
much it was is printed for several lists, and no bar holds for it.

The last bar is for a process that loads a changed policy: the seconds that it takes to import the
plugin and to configure it, with the table of the unchanged list in the state directory.
"""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Final

from hookframe import Host

HERE: Final = Path(__file__).parent
ENTRIES: Final = 1_000_000
NEW: Final = "new@example.org"
PACE: Final = 1 / 4000
TIME_BAR, MEMORY_BAR, PAUSE_BAR, KNOWN_BAR = 0.25, 0.4, 0.010, 0.020
ATTEMPT: Final = {
    "mtaid": "smtp1",
    "sendid": "news",
    "listid": "weekly",
    "msguid": "1700000000.1",
    "injtime": 1_700_000_000,
    "sender": "bounces@brand.example",
    "recipient": NEW,
    "is_first_attempt": True,
    "mtaid_exists": True,
}


def write_list(path: Path, entries: int = ENTRIES) -> None:
    """Write addresses as a suppression list has them, in no order."""
    generator = random.Random(1)
    names = [f"{generator.choice('abcdefgh') * 4}.{number:x}" for number in range(4096)]
    numbers = list(range(entries))
    generator.shuffle(numbers)
    path.write_text(
        "".join(
            f"{names[number % 4096]}{number}@host{generator.randrange(20_000)}.example\n"
            for number in numbers
        )
    )


def kibibytes(key: str) -> int:
    """Read one figure of what the system says of this process."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(f"{key}:"):
            return int(line.split()[1])
    raise LookupError(key)


def plugin(directory: Path) -> tuple[float, int, int, float]:
    """Measure the plugin in this process, which is a fresh one."""
    listed, configuration = directory / "list.txt", directory / "hookframe.toml"
    configuration.write_text(
        f'[plugins.blacklist.settings]\nrecipients = "{listed}"\ncheck_every = "20ms"\n'
    )
    small = directory / "small.txt"
    small.write_text("nobody@example.org\n")
    first = directory / "first.toml"
    first.write_text(f'[plugins.blacklist.settings]\nrecipients = "{small}"\n')
    with Host.from_config(first, watch=False) as host:
        host.decide(ATTEMPT)
        before = kibibytes("VmRSS")
    with Host.from_config(configuration, watch=False) as host:
        assert host.decide(ATTEMPT)["action"] == "normal", host.problem
        time.sleep(3)  # the better table has come, and the file is older than its clock is coarse
        began = time.perf_counter()
        (directory / "next.txt").rename(listed)
        seconds, pause = live_after(host, began)
        until = time.perf_counter() + 1.5
        while time.perf_counter() < until:
            pause = max(pause, timed(host)[1])
            time.sleep(PACE)
        table = listed.stat().st_size // 1024  # what no attempt has touched counts in no VmRSS
        now, most = kibibytes("VmRSS") - before + table, kibibytes("VmHWM") - before + 2 * table
        return seconds, now, most, pause


def timed(host: Host) -> tuple[str, float]:
    """Decide once; return the action and the seconds."""
    began = time.perf_counter()
    action = host.decide(ATTEMPT)["action"]
    return action, time.perf_counter() - began


def live_after(host: Host, began: float) -> tuple[float, float]:
    """Decide until the new list counts; return when that was, and the longest decision."""
    longest = 0.0
    while True:
        action, seconds = timed(host)
        longest = max(longest, seconds)
        if action == "dump":
            return time.perf_counter() - began, longest
        time.sleep(PACE)


def needed(path: Path) -> int:
    """Read a list as the plugin does; return the bytes that this takes at the most.

    That is what the processes that read it have for themselves, and all memory that they share
    with this one: what a memory cgroup counts. The list that is read stays of it.
    """
    from hookframe_blacklist.aside import Reading  # noqa: PLC0415  (not in a process that is timed)
    from hookframe_blacklist.listfile import ListPath  # noqa: PLC0415

    most, done = 0, threading.Event()

    def look() -> None:
        nonlocal most
        while not done.wait(0.001):
            most = max(most, sum(map(private, children(os.getpid()))) + shared())

    looking = threading.Thread(target=look)
    looking.start()
    with Reading(ListPath(str(path), senders=False)) as reading:
        for _ in reading.lists(None):
            pass
    done.set()
    looking.join()
    return most


def known(directory: Path) -> float:
    """Import and configure the plugin in this process, which is a fresh one; give the seconds."""
    began = time.perf_counter()
    from hookframe_blacklist import Blacklist  # noqa: PLC0415  (what is measured)

    plugin = Blacklist()
    plugin.configure({"recipients": str(directory / "list.txt")}, str(directory))
    seconds = time.perf_counter() - began
    assert plugin.pre_delivery_attempt({**ATTEMPT, "sender": ""}) is None
    if "--stay" in sys.argv:
        time.sleep(4)  # until the table is made, and the list's stamp proves something
    plugin.close()
    return seconds


def children(process: int) -> Iterator[int]:
    """Give the processes that one has started, and those that they have."""
    for file in Path(f"/proc/{process}/task").glob("*/children"):
        with suppress(OSError):
            for child in map(int, file.read_text().split()):
                yield child
                yield from children(child)


def private(process: int) -> int:
    """Say how many bytes a process has for itself; those that it shares by a fork in parts."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss_Anon:"):
                return int(line.split()[1]) * 1024
    return 0


def shared() -> int:
    """Say how many bytes there are in memory that this process has made to be shared."""
    files = {}
    for entry in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            if str(entry.readlink()).startswith("/memfd:"):
                status = entry.stat()
                files[status.st_ino] = status.st_blocks * 512
    return sum(files.values())


def print_needed(directory: Path) -> None:
    """Print what it takes to read lists of several kinds."""
    million, fewer, domains = (directory / name for name in ("million", "fewer", "domains"))
    write_list(million)
    write_list(fewer, ENTRIES // 10)
    domains.write_text("".join(f"@d{number}.de\n" for number in range(ENTRIES)))
    for what, path in (
        (f"{ENTRIES:,} addresses", million),
        (f"{ENTRIES // 10:,} addresses", fewer),
        (f"{ENTRIES:,} short domains", domains),
    ):
        size, most = path.stat().st_size, needed(path)
        print(
            f"to read {what}, {size / 1e6:.1f} MB, takes {most / 1e6:.0f} MB: "
            f"{most / size:.1f} times the list"
        )


def run(*command: object) -> list[float]:
    """Run one side; return its figures."""
    done = subprocess.run([*map(str, command)], stdout=subprocess.PIPE, text=True, check=True)
    return [float(each) for each in done.stdout.split()]


def prepared(directory: Path, source: Path) -> None:
    """Put the list and its successor in place."""
    shutil.copyfile(source, directory / "list.txt")
    shutil.copyfile(source, directory / "next.txt")
    with (directory / "next.txt").open("a") as file:
        file.write(f"{NEW}\n")


def main() -> int:
    """Print the ratios and the pause; exit 1 if a bar is missed."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    times, steady, most, pauses = [], [], [], []
    with tempfile.TemporaryDirectory() as name:
        directory, source = Path(name), Path(name) / "source.txt"
        write_list(source)
        for number in range(rounds):
            prepared(directory, source)
            perl = run("perl", HERE / "million.pl", directory / "list.txt", directory / "next.txt")
            prepared(directory, source)
            ours = run(sys.executable, __file__, "--plugin", directory)
            times.append(ours[0] / perl[0])
            steady.append(ours[1] / perl[1])
            most.append(ours[2] / perl[2])
            pauses.append(ours[3])
            print(
                f"round {number + 1}: {ours[0] * 1000:.0f} ms / {perl[0] * 1000:.0f} ms, "
                f"{ours[1] / 1024:.0f} MiB / {perl[1] / 1024:.0f} MiB, longest decision "
                f"{ours[3] * 1000:.1f} ms",
                flush=True,
            )
        prepared(directory, source)
        run(sys.executable, __file__, "--known", directory, "--stay")
        loads = [run(sys.executable, __file__, "--known", directory)[0] for _ in range(rounds)]
        print_needed(directory)
    met = [
        verdict("time until the new list counts", median(times), TIME_BAR),
        verdict("memory when it does", median(steady), MEMORY_BAR),
        verdict("memory at the most", median(most), MEMORY_BAR),
        verdict("longest decision, in seconds", median(pauses), PAUSE_BAR),
        verdict("a load with the list unchanged, in seconds", median(loads), KNOWN_BAR),
    ]
    return 0 if all(met) else 1


def verdict(what: str, found: float, bar: float) -> bool:
    """Say whether a bar is met."""
    print(f"{what}: {found:.3f}, at most {bar}: {'met' if found <= bar else 'MISSED'}")
    return found <= bar


if __name__ == "__main__":
    if sys.argv[1:2] == ["--plugin"]:
        print(*plugin(Path(sys.argv[2])))
    elif sys.argv[1:2] == ["--known"]:
        print(known(Path(sys.argv[2])))
    else:
        sys.exit(main())
