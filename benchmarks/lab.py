"""Where comparisons are made: a directory, two processors, the peers, and what is lacking."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

PEERS: Final = Path(__file__).parent / "peers"
ROOT: Final = Path(__file__).parents[1]
ATTEMPT: Final = MappingProxyType(
    {
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
)
"""An attempt like most."""


@dataclass
class Lab:
    """What a comparison works with.

    Args:
        directory: for everything that is made; it is removed in the end.
        quick: whether this is only a trial of the benchmarks: less of everything will do.
    """

    directory: Path
    quick: bool = False
    lacking: dict[str, str] = field(default_factory=dict)
    """what this machine has not, and what was left out for that"""

    @property
    def measured(self) -> int:
        """The processor on which what is measured runs, this process as well."""
        return max(_PROCESSORS)

    @property
    def other(self) -> int:
        """The processor of whatever makes the load; the same one where there is only one."""
        return min(_PROCESSORS)

    def fresh(self) -> Path:
        """Make an empty directory."""
        return Path(tempfile.mkdtemp(dir=self.directory))

    def has(self, program: str, left_out: str) -> bool:
        """Say whether there is a program; if not, note what is left out for that.

        Args:
            program: its name.
            left_out: what can't be measured without it.
        """
        if shutil.which(program) is not None:
            return True
        self.lacking[program] = left_out
        return False

    def has_perl(self, module: str, left_out: str) -> bool:
        """Say the same of a module of Perl, and of Perl itself."""
        if not self.has("perl", left_out):
            return False
        command = ["perl", f"-M{module}", "-e", "1"]
        found = subprocess.run(command, stderr=subprocess.DEVNULL, check=False)
        if found.returncode:
            self.lacking[module] = left_out
        return found.returncode == 0

    def built(self, source: str) -> Path:
        """Compile one of the peers that are written in C.

        Args:
            source: the name of its file in `peers`.

        Returns:
            The program.
        """
        program = self.directory / Path(source).stem
        if not program.exists():
            command = ["cc", "-O2", "-Wall", "-Wextra", "-pthread", "-o", program, PEERS / source]
            subprocess.run([*map(str, command)], check=True)
        return program

    @contextmanager
    def elsewhere(self) -> Iterator[None]:
        """Be on the other processor, so that what is started meanwhile will stay there."""
        os.sched_setaffinity(0, {self.other})
        try:
            yield
        finally:
            os.sched_setaffinity(0, {self.measured})

    @contextmanager
    def everywhere(self) -> Iterator[None]:
        """Let this process, and what is started meanwhile, have all processors."""
        os.sched_setaffinity(0, _PROCESSORS)
        try:
            yield
        finally:
            os.sched_setaffinity(0, {self.measured})

    @contextmanager
    def running(
        self, command: Sequence[str | Path], processor: int | None = None, **options: Any
    ) -> Iterator[subprocess.Popen[str]]:
        """Run a program on one processor for a while.

        Args:
            command: the program and its arguments.
            processor: where it runs; None for the measured one.
            options: what `subprocess.Popen` takes besides.
        """
        where = str(self.measured if processor is None else processor)
        words = ["taskset", "-c", where, *map(str, command)]
        with subprocess.Popen(words, text=True, **options) as process:
            try:
                yield process
            finally:
                process.terminate()


_PROCESSORS: Final = frozenset(os.sched_getaffinity(0))


@contextmanager
def lab(*, quick: bool = False) -> Iterator[Lab]:
    """Open a lab, and keep this process on the measured processor meanwhile."""
    with tempfile.TemporaryDirectory(prefix="hookframe-") as directory:
        made = Lab(Path(directory), quick)
        os.sched_setaffinity(0, {made.measured})
        try:
            yield made
        finally:
            os.sched_setaffinity(0, _PROCESSORS)
