"""Fixtures of the hooks' tests: a hook as an operator has edited it, and addresses to try."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

HERE = Path(__file__).parent


@pytest.fixture
def edited(tmp_path):
    """Copy a hook, with constants at its top changed as an operator changes them.

    It takes the hook's name, and for each constant the Python that is typed in its place. It gives
    the path of the copy, which is alone in its directory.
    """

    def edited(name, **constants):
        lines = (HERE / f"{name}.py").read_text("utf-8").splitlines(keepends=True)
        for node in reversed(ast.parse("".join(lines)).body):
            name_of = ast.unparse(node.targets[0]) if isinstance(node, ast.Assign) else None
            if name_of in constants:
                new = f"{name_of} = {constants.pop(name_of)}\n"
                lines[node.lineno - 1 : node.end_lineno] = [new]
        assert not constants, f"{name} has no {constants}"
        copy = tmp_path / f"{name}.py"
        copy.write_text("".join(lines), "utf-8")
        return copy

    return edited


@pytest.fixture
def addresses_at():
    """Give addresses at a domain, however mail may spell it."""

    def addresses_at(domain):
        return [
            f"jane@{domain}",
            f"jane@{domain.upper()}",
            f"jane@{domain}.",
            f'"jane@elsewhere.example"@{domain}',
            f"jörg\udcff\n@{domain}",
            f"@{domain}",
        ]

    return addresses_at


@pytest.fixture
def addresses_not_at():
    """Give what is no address at a domain, however much it looks like one."""

    def addresses_not_at(domain):
        return [
            "",
            domain,
            f"jane@sub.{domain}",
            f"jane@not{domain}",
            f"jane@{domain}..",
            f"jane@{domain}\0",
            f"{domain}@elsewhere.example",
            f'"jane@{domain}"',
            f"jane@{domain}@elsewhere.example",
            "jane@\ud800",
        ]

    return addresses_not_at
