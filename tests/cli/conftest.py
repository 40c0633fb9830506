"""Fixtures of the command line's tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parents[2] / "plugins"
INSTALL = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation")


@pytest.fixture(scope="session")
def first_party(tmp_path_factory):
    """The directory into which hookframe-blacklist and hookframe-routing are installed."""
    target = tmp_path_factory.mktemp("first-party")
    projects = [str(PLUGINS / f"hookframe-{name}") for name in ("blacklist", "routing")]
    subprocess.run([*INSTALL, "--target", str(target), *projects], check=True, timeout=50)
    return target
