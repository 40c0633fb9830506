"""A hookframe that is run in its own process, with other distributions on its path."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Release:
    """A hookframe, as a directory that has it and what else is to be on the path.

    Args:
        path: the directories, the first one first.
    """

    path: tuple[Path, ...]

    def run(self, *arguments, directory, stdin="", status=0):
        """Run Python in a process of its own; it must end with the status.

        Returns:
            The completed process, its output as text.
        """
        done = subprocess.run(
            [sys.executable, "-W", "error", *map(str, arguments)],
            cwd=directory,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, self.path))},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        assert done.returncode == status, done.stdout + done.stderr
        return done

    def hookframe(self, *arguments, directory, stdin="", status=0):
        """Run the command `hookframe`."""
        return self.run(
            "-m", "hookframe", *arguments, directory=directory, stdin=stdin, status=status
        )
