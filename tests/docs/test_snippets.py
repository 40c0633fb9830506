"""Runs every snippet of the pages, as a reader would who follows a page from the top.

The pages are those at the top of the checkout, those of docs/, and GreenArrow's.

A fenced block says by its language what it is:

    console     "$ command" lines ("> " goes on with one), each followed by the output it gives, on
                standard output and standard error, which are a terminal, as a reader's are. "..."
                stands for anything: within a line, or, as a line of its own, for any lines. A time
                stamp stands for any, as do the microseconds that end a line, and the width of a
                table's columns. A command whose output is "..." alone, as that of another project's
                program, ends with exit status 0. A command that ends in " &" goes on in the
                background until the page ends; the lines below it are waited for.
    text        to be looked at only
    sh          for root on a real machine, not run; only of the commands in FOR_ROOT, and on the
                pages of FOR_MAINTAINERS of those that it lists
    diff        an edit of a file, whose name stands in the first line, "# hook.py": the lines with
                "-" or a space in front are in it once, and are then those with "+" or a space
    all others  a file: its first line is a comment with its name, "# hook.py"

The files of a page and its commands share one directory, in which plugins/, docs/ and contrib/ are
those of the project, as in a checkout. What a command does to its shell, a `cd` or an `export`,
holds for those below it. `pip install` puts things where only the commands of this page find them.

The pages of OWN_ENVIRONMENTS make environments of their own, with the real pip and its index; their
reader has the checkout as hookframe/. Their port 8080 stands for one that is free.
"""

from __future__ import annotations

import os
import pty
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GREENARROW = ROOT / "contrib" / "mta" / "greenarrow" / "README.md"
PAGES = [*sorted(ROOT.glob("*.md")), GREENARROW, *sorted((ROOT / "docs").glob("**/*.md"))]
OWN_ENVIRONMENTS = [ROOT / "docs" / "plugins" / "tutorial.md"]
FENCE = re.compile(r"(?ms)^```(?P<language>\S*)[^\n]*\n(?P<content>.*?)^```$")
FILE_NAME = re.compile(r"# (?P<name>[\w./-]+)\n")
COMMAND = re.compile(r"(?m)^\$ (?P<command>.*(?:\n>(?: .*)?$)*)\n?(?P<output>(?:(?!\$ ).*\n?)*)")
PORT = "8080"
OURS = re.compile(r"TOX_|PYTEST_|PYTHON|VIRTUAL_ENV|HOOKFRAME_")
"""Variables that the tests have been started with, and a reader has not."""
ANY_LINES = r"(?:[^\n]*\n)*"
VARIES = {
    r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}": r"[-\d]{10} [\d:]{8}\.\d{3}",
    r" {2,}\d+\.\d *$": r"  +\d+\.\d",
    r" {2,}": "  +",
    r"─+": "─+",
    r"\.\.\.": r"[^\n]*",
}
"""What is different each time, and the regular expression that it stands for."""
VARYING = re.compile("|".join(f"({each})" for each in VARIES))
FOR_ROOT = {
    *("apt-get", "systemctl", "journalctl", "install", "adduser", "exim4", "update-exim4.conf"),
    *("git", "make", "cd"),
}
FOR_MAINTAINERS = {
    ROOT / "CONTRIBUTING.md": {f".venv/bin/{name}" for name in ("python", "ruff", "mypy")}
    | {".venv/bin/lint-imports"},
    ROOT / "RELEASING.md": {".venv/bin/python", "python3"}
    | {f"/tmp/release/bin/{name}" for name in ("pip", "hookframe")},
}
"""Commands that are not run because they install whole environments, run all tests, or publish."""


REMEMBER = r'{ export -p; printf "cd %q\n" "$PWD"; }'
"""Prints what makes another shell go on where this one ends."""


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    where: str
    language: str
    content: str


@dataclass(frozen=True)
class Command:
    """A command of a console block, and the output that the page promises."""

    line: str
    output: str


def blocks_of(page: Path) -> Iterator[Block]:
    """Find the fenced blocks of a page, in order."""
    text = page.read_text("utf-8")
    for found in FENCE.finditer(text):
        line = text.count("\n", 0, found.start()) + 1
        where = f"{page.relative_to(ROOT)}, line {line}"
        yield Block(where, found["language"], found["content"])


def commands_of(block: Block) -> list[Command]:
    """Take a console block apart."""
    found = list(COMMAND.finditer(block.content))
    assert found, f"{block.where}: a console block starts with a line '$ command'"
    assert found[0].start() == 0, f"{block.where}: what stands above the first '$ command'?"
    return [Command(re.sub(r"\n> ?", "\n", one["command"]), one["output"]) for one in found]


def pattern_of(output: str) -> str:
    """Make a regular expression of promised output, in which "..." stands for anything."""
    lines = output.splitlines()
    return "".join(ANY_LINES if line == "..." else _pattern_of_line(line) for line in lines)


def _pattern_of_line(line: str) -> str:
    pattern, position = "", 0
    for found in VARYING.finditer(line):
        stands_for = list(VARIES.values())[found.lastindex - 1]
        pattern += re.escape(line[position : found.start()]) + stands_for
        position = found.end()
    return f"{pattern}{re.escape(line[position:])} *\n"


def assert_matches(seen: str, promised: str, where: str) -> None:
    """Compare what a command gave with what its page promises, but for empty lines at the end."""
    pattern = pattern_of(promised.rstrip("\n"))
    lines = "".join(f"{line}\n" for line in seen.rstrip().splitlines())
    if not re.fullmatch(pattern, lines):
        pytest.fail(f"{where}\n--- promised:\n{promised}\n--- seen:\n{seen}", pytrace=False)


class Reader:
    """Somebody who follows a page in a directory of their own."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._installed = directory / ".installed"
        self._shell = directory / ".shell"
        self._background: list[subprocess.Popen[str]] = []

        self._shell.touch()
        for name in ("plugins", "docs"):
            (directory / name).symlink_to(ROOT / name)
        # Copied, as hook files run only where nobody else may write, wherever the checkout is.
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "contrib", directory / "contrib", ignore=ignored)

    def follow(self, block: Block) -> None:
        """Do what the block is there for."""
        if block.language == "console":
            for command in commands_of(block):
                self._run(command, f"{block.where}: $ {command.line}")
        elif block.language == "diff":
            self._edit(block)
        elif block.language not in ("sh", "text"):
            self._write(block)

    def leave(self) -> None:
        """Stop what goes on in the background."""
        for process in self._background:
            process.terminate()
            process.communicate()

    def _write(self, block: Block) -> None:
        path, _ = self._file_of(block)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(block.content, "utf-8")

    def _edit(self, block: Block) -> None:
        path, edit = self._file_of(block)
        lines = edit.splitlines(keepends=True)
        before, after = (
            "".join(line[1:] for line in lines if line[0] in kept) for kept in ("- ", "+ ")
        )
        text = path.read_text("utf-8")
        assert text.count(before) == 1, f"{block.where}: is not once in the file:\n{before}"
        path.write_text(text.replace(before, after), "utf-8")

    def _file_of(self, block: Block) -> tuple[Path, str]:
        """Give the file that a block names in its first line, and what stands below."""
        name = FILE_NAME.match(block.content)
        assert name, f"{block.where}: the first line of a file is its name, '# hook.py'"
        return self._directory / name["name"], block.content[name.end() :]

    def _run(self, command: Command, where: str) -> None:
        if command.line.endswith(" &"):
            self._run_in_background(command, where)
            return
        seen, status = self._on_a_terminal(command.line)
        assert_matches(seen, command.output, where)
        if command.output.strip() == "..." and status != 0:
            pytest.fail(f"{where}\n--- exit status {status}:\n{seen}", pytrace=False)

    def _run_in_background(self, command: Command, where: str) -> None:
        """Start a command, and wait for the lines that its page promises."""
        process = self._started(f"exec {command.line.removesuffix(' &')}", subprocess.PIPE)
        self._background.append(process)
        seen = ""
        while not re.fullmatch(pattern_of(command.output), seen):
            line = process.stdout.readline()
            if not line:
                break
            seen += line
        assert_matches(seen, command.output, where)

    def _on_a_terminal(self, line: str) -> tuple[str, int]:
        """Run a command on a terminal; return what is there at its end, and its exit status."""
        ours, theirs = pty.openpty()
        try:
            process = self._started(f"trap '{REMEMBER} > {self._shell}' EXIT\n{line}", theirs)
        finally:
            os.close(theirs)
        seen = b""
        with process, suppress(OSError):  # EIO: nobody has the terminal open any more
            while piece := os.read(ours, 4096):
                seen += piece
        os.close(ours)
        return seen.decode().replace("\r\n", "\n"), process.returncode

    def _started(self, line: str, output: int) -> subprocess.Popen[str]:
        return subprocess.Popen(
            ["bash", "-c", f". {self._shell}\n{line}"],
            cwd=self._directory,
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _environment(self) -> dict[str, str]:
        return os.environ | {
            "PATH": f"{self._installed}/bin:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(self._installed),
            "COLUMNS": "112",
            "LINES": "40",
            "TERM": "dumb",  # no colours
            "LC_ALL": "C.UTF-8",
            "TZ": "UTC",
            "PIP_TARGET": str(self._installed),
            "PIP_NO_DEPS": "1",  # hookframe is there already, and is not asked for elsewhere
            "PIP_NO_BUILD_ISOLATION": "0",  # sic: pip reads this one as "build isolation: 0"
            "PIP_QUIET": "2",
        }


class ReaderWithEnvironments(Reader):
    """One that makes environments, and has nothing of what is installed in that of the tests."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        (directory / "hookframe").symlink_to(ROOT)
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = str(free.getsockname()[1])

    def follow(self, block: Block) -> None:
        """Do what the block is there for, with a port that nobody else has."""
        super().follow(replace(block, content=block.content.replace(PORT, self._port)))

    def _environment(self) -> dict[str, str]:
        given = {name: value for name, value in os.environ.items() if not OURS.match(name)}
        return given | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "COLUMNS": "112",
            "TERM": "dumb",
            "NO_COLOR": "1",
            "LC_ALL": "C.UTF-8",
            "PIP_QUIET": "2",
            "PIP_NO_COMPILE": "1",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            "PIP_ROOT_USER_ACTION": "ignore",
        }


@pytest.fixture
def reader(page: Path) -> Iterator[Reader]:
    # Not tmp_path: its name is so long that no table with a path in it looks as it does elsewhere.
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        kind = ReaderWithEnvironments if page in OWN_ENVIRONMENTS else Reader
        made = kind(Path(directory))
        yield made
        made.leave()


@pytest.mark.timeout(900)  # many commands, on machines that may have much else to do
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_does_what_it_says(page: Path, reader: Reader) -> None:
    if page == GREENARROW and shutil.which("json_pp") is None:
        pytest.skip("Perl is not installed with its modules (Debian: apt-get install perl)")
    for block in blocks_of(page):
        reader.follow(block)


@pytest.mark.parametrize(("command", "works"), [("echo fine", True), ("echo bad; exit 3", False)])
def test_a_command_whose_output_may_be_anything_has_to_end_well(command, works, tmp_path) -> None:
    block = Block("here", "console", f"$ {command}\n...\n")
    if works:
        Reader(tmp_path).follow(block)
    else:
        with pytest.raises(pytest.fail.Exception, match="exit status 3"):
            Reader(tmp_path).follow(block)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_a_page_shows_without_a_test_is_for_root_only(page: Path) -> None:
    for block in blocks_of(page):
        if block.language == "sh":
            commands = [line.split()[0] for line in block.content.splitlines() if line.strip()]
            known = FOR_ROOT | FOR_MAINTAINERS.get(page, set()) | {"#"}
            assert set(commands) <= known, f"{block.where}: make it a console block, which is run"


def test_every_file_of_the_project_that_a_contributor_is_to_run_exists() -> None:
    for page in FOR_MAINTAINERS:
        for block in blocks_of(page):
            for path in re.findall(r"(?:^| )((?:tests|hookframe)/\S+)", block.content):
                assert (ROOT / path).exists(), f"{block.where}: {path}"


@pytest.mark.parametrize(
    ("promised", "seen"),
    [
        ("", ""),
        ("one\n", "one\n"),
        ("one\n", "one"),
        ("a...c\n", "abbc\n"),
        ("...\nlast\n", "first\nmore\nlast\n"),
        ("first\n...\n", "first\n"),
        ("a   b  c\n ────\n", "a  b     c  \n ───────\n"),
        ("a        12.3\n", "a         9.8 \n"),
        ("2026-01-31 12:59:00.123 INFO\n", "2027-11-02 01:00:30.000 INFO\n"),
    ],
)
def test_output_that_a_page_promises_is_found(promised: str, seen: str) -> None:
    assert_matches(seen, promised, "here")


@pytest.mark.parametrize(
    ("promised", "seen"),
    [
        ("", "one\n"),
        ("one\n", ""),
        ("a...c\n", "ab\nbc\n"),
        ("a.c\n", "abc\n"),
        ("a\n", "a\nb\n"),
        ("a b\n", "a  b\n"),
        ("1.2.3\n", "1.2.4\n"),
    ],
)
def test_output_that_a_page_does_not_promise_fails_its_test(promised: str, seen: str) -> None:
    with pytest.raises(pytest.fail.Exception):
        assert_matches(seen, promised, "here")
