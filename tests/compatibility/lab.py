"""The policy whose chain is the corpus, and the program that runs it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from ..support.distributions import PROJECTS

CORPUS = PROJECTS / "written-for-1"


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


def write_policy(directory):
    """Write the policy whose chain is the corpus."""
    (directory / "held").write_text("held@remote.example\n")
    (directory / "routes").write_text("route news-b b\nroute news-u undefined\n")
    for name in ("held", "routes"):
        (directory / name).chmod(0o644)
    shutil.copy(CORPUS / "hook.py", directory / "hook.py")
    (directory / "hook.py").chmod(0o644)
    (directory / "hookframe.toml").write_text(
        'chain = ["around", "everything", "module", "script", "undeclared", "file"]\n'
        'hook_file = "hook.py"\n'
        f'[plugins.everything]\ndeadline = "5s"\nsettings.list = "{directory}/held"\n'
        f'[plugins.script.settings]\nfile = "{directory}/routes"\n'
        "[plugins.file.settings]\nlimit = 1000\n"
    )
    return directory
