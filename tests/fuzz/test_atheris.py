"""The same targets driven by libFuzzer, which looks for inputs that come to new lines of code."""

from __future__ import annotations

import importlib.util
import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from .amount import FACTOR

FUZZER = Path(__file__).with_name("fuzzer.py")
RUNS = {
    "jsonl": 8000,
    "explain": 3000,
    "exim": 8000,
    "configuration": 6000,
    "documents": 1000,
    "hook_file": 5000,
    "definitions": 1000,
    "returned": 1000,
}
"""How many inputs each target gets: what it can try in about two seconds."""

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("atheris") is None,
    reason="atheris is not installed; it has wheels for CPython on Linux, x86-64, only",
)


@pytest.mark.parametrize("target", RUNS)
@pytest.mark.timeout(60 * FACTOR)
def test_libfuzzer_finds_nothing_in(target, tmp_path):
    seed = 1 if FACTOR == 1 else secrets.randbelow(1 << 31)
    done = subprocess.run(
        [sys.executable, FUZZER, target, tmp_path, f"-runs={RUNS[target] * FACTOR}"]
        + [f"-seed={seed}", "-max_len=4096", "-timeout=20", "-rss_limit_mb=2048"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONHASHSEED": "0"},
        cwd=tmp_path,
        check=False,
    )
    said = done.stdout.decode(errors="replace")
    assert done.returncode == 0, f"{said[-6000:]}\n{inputs(tmp_path)}"
    assert f"Done {RUNS[target] * FACTOR} runs" in said, said[-6000:]


def inputs(directory: Path) -> str:
    """Show the inputs that were findings."""
    kinds = ("crash-*", "timeout-*", "oom-*", "slow-unit-*")
    files = [file for kind in kinds for file in directory.glob(kind)]
    return "\n".join(f"{file.name}: {file.read_bytes()!r}" for file in files)
