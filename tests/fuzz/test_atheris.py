"""The same targets driven by libFuzzer, which looks for inputs that come to new lines of code."""

from __future__ import annotations

import importlib.util
import os
import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from .amount import FACTOR

FUZZER = Path(__file__).with_name("fuzzer.py")
RUNS = {
    "jsonl": 1500,
    "explain": 1000,
    "exim": 3000,
    "configuration": 2500,
    "documents": 300,
    "hook_file": 3000,
    "definitions": 500,
    "returned": 500,
}
"""How many inputs each target gets: what it can try in a second or two."""

pytestmark = [
    pytest.mark.timeout(120 * FACTOR),
    pytest.mark.skipif(
        importlib.util.find_spec("atheris") is None,
        reason="atheris is not installed; it has wheels for CPython on Linux, x86-64, only",
    ),
]


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory):
    """A directory in which each target has said what came of it."""
    directory = tmp_path_factory.mktemp("fuzzed")
    seed = 1 if FACTOR == 1 else secrets.randbelow(1 << 31)
    targets = [f"{target}={runs * FACTOR}" for target, runs in RUNS.items()]
    options = [f"-seed={seed}", "-max_len=4096", "-timeout=20", "-rss_limit_mb=2048"]
    subprocess.run(
        [sys.executable, FUZZER, directory, *targets, *options],
        env={**os.environ, "PYTHONHASHSEED": "0"},
        cwd=directory,
        check=False,
    )
    return directory


@pytest.mark.parametrize("target", RUNS)
def test_libfuzzer_finds_nothing_in(target, fuzzed):
    said = (fuzzed / target / "said").read_text(errors="replace")
    # It tries an input once more that seems to leak, so it may be one more than it was told.
    done = re.search(r"(?m)^Done (\d+) runs in ", said)
    enough = done and int(done[1]) >= RUNS[target] * FACTOR
    assert enough, f"{said[-6000:]}\n{inputs(fuzzed / target)}"


def inputs(directory: Path) -> str:
    """Show the inputs that were findings."""
    kinds = ("crash-*", "timeout-*", "oom-*", "slow-unit-*")
    files = [file for kind in kinds for file in directory.glob(kind)]
    return "\n".join(f"{file.name}: {file.read_bytes()!r}" for file in files)
