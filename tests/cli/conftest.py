"""Fixtures of the command line's tests."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

import hookframe

PLUGINS = Path(__file__).parents[2] / "plugins"
INSTALL = (sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation")


@pytest.fixture(scope="session")
def first_party(tmp_path_factory):
    """The directory into which hookframe-blacklist and hookframe-routing are installed."""
    target = tmp_path_factory.mktemp("first-party")
    projects = [str(PLUGINS / f"hookframe-{name}") for name in ("blacklist", "routing")]
    subprocess.run([*INSTALL, "--target", str(target), *projects], check=True, timeout=50)
    return target


@pytest.fixture
def mail_server(shell, tmp_path):
    """A shell in which all that is installed here is found, but for hookframe-devkit.

    It is for `program=NO_SITE`, which looks at `PYTHONPATH` alone.
    """
    links = tmp_path / "site-packages"
    links.mkdir()
    installed = {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}
    for path in (path for directory in installed for path in directory.iterdir()):
        if "devkit" not in path.name:
            (links / path.name).symlink_to(path)
    home = Path(hookframe.__file__).parents[1]
    shell.environment["PYTHONPATH"] = os.pathsep.join(
        map(str, [links] if home in installed else [links, home])
    )
    return shell
