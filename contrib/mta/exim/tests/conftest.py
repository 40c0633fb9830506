"""The program under test, and a site to change."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1]
PROGRAM = HERE / "generate.py"


@pytest.fixture(scope="session")
def generate():
    """generate.py as a module."""
    spec = importlib.util.spec_from_file_location("hookframe_exim_generate", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def run(tmp_path):
    """Run the program as an administrator does; returns the finished process."""

    def run(*arguments):
        return subprocess.run(
            [sys.executable, PROGRAM, *map(str, arguments)],
            capture_output=True, text=True, check=False, cwd=tmp_path,
        )  # fmt: skip

    return run


@pytest.fixture
def problems(generate):
    """Read a site that has mistakes; returns them."""

    def problems(text):
        with pytest.raises(generate.SiteError) as caught:
            generate.read_site(text)
        return caught.value.problems

    return problems
