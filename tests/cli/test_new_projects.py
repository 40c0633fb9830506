"""What `hookframe new` writes, built, installed, tested and used as it comes; and edited."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest

from ..helpers.shell import Shell

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "contrib" / "template"
KINDS = ("plugin", "wrapper", "file")
OFFLINE = {
    "PIP_NO_INDEX": "1",
    "PIP_NO_BUILD_ISOLATION": "0",  # sic: pip reads this one as "build isolation: 0"
    "PIP_QUIET": "1",
    "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    "PIP_ROOT_USER_ACTION": "ignore",
}
LISTED = "recipient=jane@slow.example"
EDITS = {
    "plugin": {
        "src/hookframe_slow_start/settings.py": ('message: str = "On hold"', 'by: str = "slow"'),
        "src/hookframe_slow_start/plugin.py": (
            '{"action": "pause", "message": self._options.message}',
            '{"action": "new_mtaid", "new_mtaid": self._options.by}',
        ),
        "tests/test_slow_start.py": (
            '{"action": "pause", "message": "On hold"}',
            '{"action": "new_mtaid", "new_mtaid": "slow"}',
        ),
    },
    "wrapper": {
        "src/hookframe_slow_start/settings.py": ("Waits, and does not bounce", "Asked again"),
        "src/hookframe_slow_start/plugin.py": (
            'decision["action"] == "dump"',
            'decision["action"] == "dump" and attempt["is_first_attempt"]',
        ),
        "tests/test_slow_start.py": ("Waits, and does not bounce", "Asked again"),
    },
    "file": {
        "slow_start.py": (
            '{"action": "pause", "message": MESSAGE}',
            '{"action": "new_mtaid", "new_mtaid": "slow"}',
        ),
        "test_slow_start.py": (
            '{"action": "pause", "message": "On hold"}',
            '{"action": "new_mtaid", "new_mtaid": "slow"}',
        ),
    },
}
"""Three lines of each project, as somebody may change them."""
AFTERWARDS = {
    "plugin": {"action": "new_mtaid", "new_mtaid": "slow"},
    "wrapper": {"action": "pause", "message": "Asked again"},
    "file": {"action": "new_mtaid", "new_mtaid": "slow"},
}


class Environment:
    """A virtual environment into which hookframe's own wheel is installed, without an index.

    What hookframe depends on it has from the environment of the tests.
    """

    def __init__(self, directory, wheel):
        python = directory / "bin" / "python"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", directory], check=True)
        library = subprocess.run(
            [python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
        ours = {sysconfig.get_path(name) for name in ("purelib", "platlib")}
        Path(library, "tests.pth").write_text("".join(f"{path}\n" for path in sorted(ours)))
        for script in ("pip", "pytest"):
            path = directory / "bin" / script
            path.write_text(f'#!/bin/sh\nexec {python} -m {script} "$@"\n')
            path.chmod(0o755)
        self.bin = directory / "bin"
        # Not over the hookframe that is seen already, but in front of it.
        pip(python, "install", "--no-deps", "--force-reinstall", str(wheel))

    def enter(self, shell):
        """Let a shell use it, as `activate` does."""
        shell.environment |= OFFLINE | {
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            # What hypothesis has to work out once takes it longer than all the rest.
            "HYPOTHESIS_STORAGE_DIRECTORY": str(self.bin.parent / "hypothesis"),
        }


def pip(python, *arguments):
    """Run pip offline; it goes well."""
    done = subprocess.run(
        [python, "-m", "pip", *arguments],
        env=os.environ | OFFLINE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def line(shell, text):
    """Type a line into a shell; give what it says if it goes well."""
    done = shell.run(text, program=("bash", "-c"))
    assert done.status == 0, f"$ {text}\n{done.out}{done.err}"
    return done


def edit(folder, edits):
    """Change a line in each file, which is there once."""
    for name, (old, new) in edits.items():
        text = (folder / name).read_text("utf-8")
        assert text.count(old) == 1, name
        (folder / name).write_text(text.replace(old, new), "utf-8")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Hookframe as pip would get it from an index."""
    target = tmp_path_factory.mktemp("hookframe")
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", str(target), str(ROOT))
    return next(target.glob("*.whl"))


@pytest.fixture(scope="module")
def author(tmp_path_factory, wheel):
    """The environment of somebody who writes plugins."""
    return Environment(tmp_path_factory.mktemp("author"), wheel)


@pytest.fixture
def operator(tmp_path, wheel):
    """Another environment, of somebody who uses them."""
    made = Shell(tmp_path / "operator")
    made.directory.mkdir()
    Environment(tmp_path / "environment", wheel).enter(made)
    return made


@pytest.fixture
def written(shell, author):
    """Hand out a function that has a project written by the wheel's hookframe."""
    author.enter(shell)
    return lambda kind: line(shell, f"hookframe new slow-start --kind {kind}")


@pytest.mark.parametrize("kind", KINDS)
def test_the_lines_that_it_names_work_as_they_stand_and_its_tests_notice_an_edit(
    shell, written, kind
):
    lines = [each for each in written(kind).out.splitlines() if each.startswith("  ")]
    done = line(shell, "\n".join(["set -e", *lines]))
    assert " passed" in done.out
    assert '"decision":{"action":"pause"' in done.out

    (folder,) = shell.directory.iterdir()
    edit(folder, {name: lines for name, lines in EDITS[kind].items() if "test_" not in name})
    done = shell.run(f"pytest -qx {folder}", program=("bash", "-c"))
    assert done.status == 1
    assert "the decision is" in done.out


@pytest.mark.parametrize("kind", ["plugin", "wrapper"])
def test_a_distribution_is_edited_built_installed_elsewhere_and_used(
    shell, written, operator, kind
):
    written(kind)
    folder = shell.directory / "hookframe-slow-start"
    edit(folder, EDITS[kind])
    line(shell, "pip wheel --no-deps --wheel-dir wheels ./hookframe-slow-start")
    (made,) = (shell.directory / "wheels").iterdir()
    line(operator, f"pip install {made}")

    for name in ("hookframe.toml", "bounces.py"):
        if (folder / name).exists():
            shutil.copy(folder / name, operator.directory)
    members = line(operator, "hookframe plugins --json").json["chain"]
    mine = {key: members[0][key] for key in ("name", "distribution", "status")}
    assert mine == {"name": "slow-start", "distribution": "hookframe-slow-start", "status": "ok"}
    assert line(operator, f"hookframe decide {LISTED}").lines == [AFTERWARDS[kind]]


def test_a_file_is_edited_copied_and_used(shell, written, operator):
    written("file")
    folder = shell.directory / "slow_start"
    edit(folder, EDITS["file"])
    shutil.copy(folder / "slow_start.py", operator.directory)
    line(operator, "hookframe check slow_start.py")
    done = line(operator, f"hookframe decide --hook-file slow_start.py {LISTED}")
    assert done.lines == [AFTERWARDS["file"]]


def test_the_wheel_holds_the_whole_template_and_so_does_one_that_is_built_of_the_sdist(
    wheel, tmp_path
):
    expected = {
        f"hookframe/cli/template/{path.relative_to(TEMPLATE)}"
        for path in TEMPLATE.rglob("*")
        if path.is_file()
    }
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", tmp_path],
        cwd=ROOT,
        check=True,
    )
    (sdist,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    source = tmp_path / sdist.name.removesuffix(".tar.gz")
    pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", str(tmp_path), str(source))
    for built in (wheel, next(tmp_path.glob("*.whl"))):
        names = zipfile.ZipFile(built).namelist()
        assert {name for name in names if name.startswith("hookframe/cli/template/")} == expected
