"""The Perl host in `peers/host.pl`, asked from here."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmarks.lab import ATTEMPT, PEERS, Lab
from benchmarks.measure import Measurement

PERL_HOST = "a Perl host"
NOTHING = "return sub { return { action => 'normal' } };\n"
DECIDES = "return sub { return { action => 'new_mtaid', new_mtaid => 'smtp2' } };\n"


@contextmanager
def perl_host(
    lab: Lab, files: Sequence[Path], calls: int, recipients: Path | None = None
) -> Iterator[Measurement]:
    """Start a Perl host, and give what measures one attempt in it: nanoseconds.

    Args:
        lab: where it runs.
        files: its hooks.
        calls: how many attempts are measured at a time.
        recipients: the addresses to which attempts are made, one a line; None for one alone.
    """
    if recipients is None:
        recipients = lab.fresh() / "recipients.txt"
        recipients.write_text(f"{ATTEMPT['recipient']}\n")
    with lab.running(
        ["perl", PEERS / "host.pl", recipients, *files],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as process:

        def measure() -> float:
            process.stdin.write(f"{calls}\n")
            process.stdin.flush()
            return float(process.stdout.readline())

        measure()  # Perl has compiled everything before the first answer
        yield measure


def perl_files(lab: Lab, sources: Sequence[str]) -> list[Path]:
    """Write hooks to files."""
    directory = lab.fresh()
    files = [directory / f"hook{number}.pl" for number in range(len(sources))]
    for file, source in zip(files, sources, strict=True):
        file.write_text(source)
    return files
