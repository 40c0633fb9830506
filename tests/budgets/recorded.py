"""The budgets as they are recorded in `budgets.json`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from .counting import version

HERE = Path(__file__).parent
FILE = HERE / "budgets.json"
RECORD = "if that is what it is worth, record it: python -m tests.budgets"


def counted():
    """Count in a process of its own."""
    command = [sys.executable, HERE / "counting.py"]
    done = subprocess.run(
        command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def read():
    """Read all budgets."""
    return json.loads(FILE.read_text()) if FILE.exists() else {"instructions": {}, "imports": {}}


def record(found):
    """Write what was counted; instructions are recorded for each version of Python."""
    budgets = read()
    budgets["imports"] = found["imports"]
    budgets["instructions"][version()] = found["instructions"]
    budgets["instructions"] = dict(sorted(budgets["instructions"].items()))
    FILE.write_text(json.dumps(budgets, indent=1) + "\n")
