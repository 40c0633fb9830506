"""A process that loads hook files for another one, which so can see it die.

Each line of its standard input is the text of one hook file in hexadecimal; it answers with what
came of it. What hook files print goes to standard error.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
MEMORY = 2 << 30
SECONDS = 120
"""What the process may take altogether, before the system ends it."""


class Child:
    """The process, from the outside; it is started anew when it has died."""

    def __init__(self) -> None:
        self._process: subprocess.Popen | None = None

    def load(self, text: bytes) -> str:
        """Have a hook file loaded; return the name of what came of it.

        Raises:
            AssertionError: something is wrong, or the process has died.
        """
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, __file__],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        self._process.stdin.write(text.hex().encode() + b"\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline().decode()
        if not answer:
            status = self.close()
            raise AssertionError(f"the process died with status {status} of {text!r}")
        assert answer.startswith("fine "), f"{text!r}: {answer}"
        return answer.removeprefix("fine ").strip()

    def close(self) -> int:
        """End it."""
        if self._process is None:
            return 0
        process, self._process = self._process, None
        process.stdin.close()
        process.stdout.close()
        return process.wait()


def main() -> None:
    """Load what comes in."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.path.append(str(ROOT))
    from tests.fuzz.loading import loaded

    for line in sys.stdin:
        try:
            print("fine", type(loaded(bytes.fromhex(line))).__name__, file=answers, flush=True)
        except BaseException as error:
            print("bad", ascii(f"{type(error).__name__}: {error}"), file=answers, flush=True)


if __name__ == "__main__":
    main()
