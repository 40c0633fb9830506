"""Runs `hookframe verify` as an author does, and gives what it reports."""

from __future__ import annotations

from pathlib import Path

import pytest

from ..helpers.shell import Done, Shell

FIXTURES = Path(__file__).parents[1] / "fixtures" / "conformance"
EXAMPLES = "60"
"""As many generated attempts as the faults of the fixtures need: the fixed ones come on top."""

LONGEST_RUN = 600.0
"""Seconds for a whole collection on a machine that has much else to do."""


class Author:
    """Somebody who checks plugins.

    Args:
        shell: runs commands.
    """

    def __init__(self, shell):
        self._shell = shell
        shell.install(FIXTURES / "installed")

    def verify(self, *arguments):
        """Run the check to its end."""
        with self._shell.start("verify", *map(str, arguments)) as process:
            out, err = process.communicate(timeout=LONGEST_RUN)
        return Done(process.returncode, out.decode(), err.decode())

    def report(self, target, *arguments):
        """Check one plugin; give the report about it."""
        done = self.verify(target, "--examples", EXAMPLES, "--json", *arguments)
        assert done.err == ""
        (plugin,) = done.json["plugins"]
        assert (done.status == 0) == plugin["ok"] == done.json["ok"]
        return plugin

    def write(self, name, text):
        """Write a file; give its path."""
        return self._shell.write(name, text)


@pytest.fixture
def author(tmp_path):
    directory = tmp_path / "author"
    directory.mkdir()
    return Author(Shell(directory))
