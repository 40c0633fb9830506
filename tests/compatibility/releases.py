"""hookframes of tomorrow: copies of the package, changed as a maintainer would change it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import hookframe

from ..helpers.distributions import write_metadata

TODAY = Path(hookframe.__file__).parent


@dataclass(frozen=True)
class Edit:
    """One step of a change: a piece of a module becomes another one, wherever it stands.

    Args:
        module: the file in the package.
        old: a regular expression.
        new: what `re.sub` puts in its place.
    """

    module: str
    old: str
    new: str

    def make(self, package):
        """Make it in a copy of the package."""
        path = package / self.module
        text, found = re.subn(self.old, self.new, path.read_text("utf-8"))
        assert found, f"{self.module} has no {self.old}: docs/plugins/stability.md, and this step"
        path.write_text(text, "utf-8")


def version(number):
    """Raise the version of the hook API."""
    return Edit("hookspecs.py", r"(?m)^API_VERSION: Final = \d+", f"API_VERSION: Final = {number}")


def oldest(number):
    """Give up plugins that were written for versions before this one."""
    old = r"OLDEST_API_VERSION: Final = \d+"
    return Edit("hookspecs.py", old, f"OLDEST_API_VERSION: Final = {number}")


def row(hook, *arguments):
    """Change what the table of hooks says of one hook."""
    old = rf'"{hook}": Hook\.taking\(.*\)'
    return Edit("hookspecs.py", old, f'"{hook}": Hook.taking({", ".join(arguments)})')


IMPORTED = Edit("hookspecs.py", "import Hook\n", "import Argument, Deprecated, Hook\n")
"""What the table of hooks needs for more than names."""


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


def release(directory, *edits, beside=()):
    """Make a hookframe of tomorrow.

    Args:
        directory: where, an empty one.
        edits: what is changed in it.
        beside: what else is to be on the path.
    """
    package = directory / "hookframe"
    shutil.copytree(TODAY, package, ignore=shutil.ignore_patterns("__pycache__"))
    for edit in edits:
        edit.make(package)
    return Release((directory, *beside))


def lay_down(directory, name, code):
    """Lay down an installed distribution, of one plugin that is a module.

    Args:
        directory: a directory that will be on the path.
        name: the plugin's name; the distribution is called acme-NAME, and is version 2.0.
        code: the module.
    """
    directory.mkdir(exist_ok=True)
    (directory / f"acme_{name}.py").write_text(code, "utf-8")
    metadata = f"Metadata-Version: 2.1\nName: acme-{name}\nVersion: 2.0\n"
    write_metadata(directory, metadata, {"hookframe": {name: f"acme_{name}"}})
