"""The units, taken apart, and the tools that a machine may lack."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections import defaultdict
from pathlib import Path

import pytest

HERE = Path(__file__).parents[1]
SOCKETS = ("hookframe.socket", "hookframe-exim.socket")
PATIENCE = 30.0


def settings_of(unit):
    """Give the settings of a unit by name, each with its values in order."""
    settings = defaultdict(list)
    for line in (HERE / unit).read_text("utf-8").splitlines():
        if line and not line.startswith(("#", "[")):
            name, _, value = line.partition("=")
            settings[name].append(value)
    return settings


@pytest.fixture(scope="session")
def service():
    """The settings of the service."""
    return settings_of("hookframe.service")


@pytest.fixture(params=SOCKETS)
def socket_unit(request):
    """The settings of each socket unit."""
    return settings_of(request.param)


@pytest.fixture(scope="session")
def tool():
    """Find one of systemd's tools."""

    def tool(name):
        found = shutil.which(name)
        if found is None:
            pytest.skip(f"{name} is not installed (Debian: apt-get install systemd)")
        return found

    return tool


@pytest.fixture
def run(tool):
    """Run one of systemd's tools to its end."""

    def run(name, *arguments):
        return subprocess.run(
            [tool(name), *map(str, arguments)],
            capture_output=True, text=True, check=False, timeout=PATIENCE,
        )  # fmt: skip

    return run


@pytest.fixture
def free_port():
    """A port that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
