"""What a machine must have for these tests; without it they are skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
from importlib.metadata import entry_points

import pytest


def what_is_missing() -> str:
    """Say in one line what this machine lacks for a run; empty if nothing."""
    if os.geteuid() != 0:
        return "needs root, for a network namespace and for an Exim of its own"
    for program in ("exim4", "unshare", "nsenter", "mount"):
        if shutil.which(program) is None:
            return f"needs the program {program} (Debian: exim4-daemon-light, util-linux, mount)"
    unshare = ["unshare", "--net", "--mount", "true"]
    if subprocess.run(unshare, capture_output=True, check=False).returncode:
        return "needs the right to make a network and mount namespace (unshare failed)"
    return ""


def give_up(lacking):
    """Skip the test for what is lacking; where end-to-end tests are required, fail it."""
    if os.environ.get("HOOKFRAME_E2E") == "required":
        pytest.fail(f"end-to-end tests are required here: {lacking}")
    pytest.skip(f"end to end: {lacking}")


def need_plugins(*names):
    """Give the test up if one of these plugins of the repository is not installed."""
    installed = {point.name for point in entry_points(group="hookframe")}
    if missing := set(names) - installed:
        give_up(f"needs the plugins of this repository installed: {', '.join(sorted(missing))}")
