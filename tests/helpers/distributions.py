"""Foreign distributions: small real projects, built and installed by the real pip.

The sources are in `tests/fixtures/distributions/`, a folder for each distribution. A set of them
is installed into a directory of its own, which a test puts on the path, or gives to a subprocess.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import hookframe.host
import hookframe.reload  # noqa: F401  (loaded before the path is cut down to what a test installs)

PROJECTS = Path(__file__).parents[1] / "fixtures" / "distributions"
SETS = {
    "stack": ("acme-guard", "zenith-routes"),
    "puppets": ("puppet-theatre",),
    "shapes": ("many-shapes",),
    "broken": ("broken-hooks",),
    "twins": ("twin-one", "twin-two"),
    "squatter": ("file-squatter",),
    "scripted": ("scripted",),
    "described": ("well-described", "old-fashioned"),
    "today": ("written-for-1",),
    "commands": ("acme-commands",),
    "rival": ("rival-commands",),
}
QUIET = ("--no-deps", "--no-index", "--no-build-isolation", "--no-compile", "--quiet")


def installed_in(directory):
    """Build and install every set; return the directory of each."""
    targets = {name: directory / name for name in SETS}
    running = {
        name: _pip(directory / f"{name}-sources", targets[name], projects)
        for name, projects in SETS.items()
    }
    for name, process in running.items():
        output, _ = process.communicate()
        assert process.returncode == 0, f"pip install of {name}:\n{output}"
    return targets


def _pip(sources, target, projects):
    for project in projects:
        shutil.copytree(PROJECTS / project, sources / project)
    return subprocess.Popen(
        [
            *(sys.executable, "-m", "pip", "install", "--disable-pip-version-check"),
            *(*QUIET, "--target", str(target)),
            *(str(sources / project) for project in projects),
        ],
        env={**os.environ, "PIP_ROOT_USER_ACTION": "ignore"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@contextlib.contextmanager
def isolated(targets, monkeypatch):
    """Hide what else is installed here, and let a test put sets of distributions on the path.

    Args:
        targets: the directory of each set.
        monkeypatch: pytest's.

    Yields:
        A function that takes the names of sets, and puts them on the path in that order.
    """
    library = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")}
    shared = [path for path in sys.path if path in library or path.endswith("lib-dynload")]
    monkeypatch.setattr(sys, "path", shared)
    before = set(sys.modules)

    def put(*names):
        sys.path[:] = [*(str(targets.get(name, name)) for name in names), *shared]

    yield put
    places = tuple(str(target) for target in targets.values())
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", "")).startswith(places):
            del sys.modules[name]


def run_python(code, *paths, **environment):
    """Run a program in a process of its own, with these directories on its path.

    Returns:
        The completed process, its output as text; its exit status was 0.
    """
    path = os.pathsep.join(filter(None, [*map(str, paths), os.environ.get("PYTHONPATH")]))
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path, **environment},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done
