"""What `hookframe new` writes is in the style, and has the types, that its own tox checks."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hookframe_devkit.new.template import KINDS

RUFF = (("ruff", "check"), ("ruff", "format", "--check"))


def run(directory: Path, *command: str) -> None:
    """Run a command of Python's there; it goes well."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", ["a", "long-long-long-long-long-long-long-names"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_new_project_needs_no_mending(tmp_path: Path, kind: str, name: str) -> None:
    run(tmp_path, "hookframe", "new", name, "--kind", kind, "--directory", "project")
    for command in (*RUFF, *([] if kind == "file" else [("mypy",)])):
        run(tmp_path / "project", *command)
