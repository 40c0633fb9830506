"""Foreign distributions: small real projects, each laid out on the disk as pip installs it.

The sources are in `tests/fixtures/distributions/`, a folder for each distribution. A set of them
is installed into its own directory, which a test puts on the path, or passes to a subprocess.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import sysconfig
import tomllib
from pathlib import Path

import hookframe.host.host
import hookframe.host.watcher  # noqa: F401  (loaded before the path is cut down to what a test installs)

PROJECTS = Path(__file__).parents[1] / "fixtures" / "distributions"
SETS = {
    "stack": ("acme-guard", "zenith-routes"),
    "fake": ("fake-plugins",),
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


def install_sets(directory):
    """Install every set below a directory; return the directory of each."""
    targets = {name: directory / name for name in SETS}
    for name, projects in SETS.items():
        for project in projects:
            install_project(PROJECTS / project, targets[name])
    return targets


def install_project(project, target):
    """Install a project without pip, which takes a second for each.

    Args:
        project: the folder of a project that hatchling builds.
        target: the directory to install into; it may have other distributions.
    """
    read = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))
    wheel = read["tool"]["hatch"]["build"]["targets"]["wheel"]
    sources = [*wheel.get("packages", ()), *wheel.get("only-include", ())]
    target.mkdir(exist_ok=True)
    for name in sources:
        if (project / name).is_dir():
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(project / name, target / name, ignore=ignored)
        else:
            shutil.copy(project / name, target / name)
    described = project / "METADATA"
    write_metadata(
        target,
        described.read_text("utf-8") if described.exists() else _metadata(read["project"]),
        read["project"].get("entry-points", {}),
        sources,
    )


def write_metadata(target, metadata, entry_points, sources=()):
    """Write the `.dist-info` folder of a distribution.

    Args:
        target: the directory that it is installed in.
        metadata: the text of METADATA, with the name and the version.
        entry_points: the entry points of each group, by name.
        sources: its packages and modules in the target, for RECORD.
    """
    read = dict(line.split(": ", 1) for line in metadata.splitlines() if ": " in line)
    folder = target / f"{read['Name'].replace('-', '_')}-{read['Version']}.dist-info"
    folder.mkdir(parents=True)
    (folder / "METADATA").write_text(metadata, "utf-8")
    groups = [
        "\n".join([f"[{group}]", *(f"{name} = {value}" for name, value in points.items()), ""])
        for group, points in entry_points.items()
    ]
    (folder / "entry_points.txt").write_text("\n".join(groups), "utf-8")
    (folder / "RECORD").touch()
    files = [path for name in (folder.name, *sources) for path in _files(target / name)]
    record = "".join(f"{path.relative_to(target)},,\n" for path in sorted(files))
    (folder / "RECORD").write_text(record, "utf-8")


def _files(path):
    return [each for each in path.rglob("*") if each.is_file()] if path.is_dir() else [path]


def _metadata(project):
    """Format the table `[project]` as METADATA (core metadata 2.1)."""
    authors = project.get("authors", ())
    people = [f"{each['name']} <{each['email']}>" for each in authors if "email" in each]
    names = [each["name"] for each in authors if "email" not in each]
    fields = [
        ("Metadata-Version", "2.1"),
        ("Name", project["name"]),
        ("Version", project["version"]),
        *([("Summary", project["description"])] if "description" in project else ()),
        *(("Project-URL", f"{label}, {url}") for label, url in project.get("urls", {}).items()),
        *([("Author", ", ".join(names))] if names else ()),
        *([("Author-email", ", ".join(people))] if people else ()),
        *(("Requires-Dist", each) for each in sorted(project.get("dependencies", ()))),
    ]
    return "".join(f"{name}: {value}\n" for name, value in fields)


def install_with_pip(projects, directory):
    """Build and install projects with the real pip.

    Args:
        projects: their folders.
        directory: an empty directory for copies of the sources and what is installed.

    Returns:
        The directory that has them installed.
    """
    copies = [shutil.copytree(each, directory / "sources" / each.name) for each in projects]
    pip = (sys.executable, "-m", "pip", "install", "--disable-pip-version-check", *QUIET)
    done = subprocess.run(
        [*pip, "--target", str(directory / "installed"), *map(str, copies)],
        env={**os.environ, "PIP_ROOT_USER_ACTION": "ignore"},
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return directory / "installed"


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
