"""docs/troubleshooting.md quotes log lines that the code can write."""

from __future__ import annotations

import ast
import re

import pytest

from .pages import ROOT, rows_of

PAGE = (ROOT / "docs" / "troubleshooting.md").read_text("utf-8")
SHORTEST = 6
"""Characters of a piece of a line that is looked for; a shorter one is found anywhere."""


def lines():
    """Return the log lines of the tables, each as its fixed pieces."""
    found = []
    for line, *_ in rows_of(PAGE):
        pieces = [piece.strip() for piece in line.strip("`").split("…")]
        found.append([piece for piece in pieces if len(piece) >= SHORTEST])
    return found


def text_of(node):
    """Return a string of the code, with "…" where a value is put in."""
    if isinstance(node, ast.JoinedStr):
        parts = (part.value if isinstance(part, ast.Constant) else "…" for part in node.values)
        return "".join(map(str, parts))
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


@pytest.fixture(scope="module")
def texts():
    """Every string of the package, in one."""
    trees = (ast.parse(path.read_text("utf-8")) for path in ROOT.glob("hookframe/**/*.py"))
    found = [text_of(node) for tree in trees for node in ast.walk(tree)]
    return re.sub(r"\{[^}]*\}", "…", "\n".join(found))


@pytest.mark.parametrize("pieces", lines(), ids=lambda pieces: pieces[0][:40])
def test_a_log_line_of_the_page_is_one_of_the_code(pieces, texts):
    assert pieces
    missing = [piece for piece in pieces if piece not in texts]
    assert not missing
