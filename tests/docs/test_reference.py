"""docs/plugins/reference.md has every hook as it is specified, with an example, and every name."""

from __future__ import annotations

import ast
import inspect
import re

import pytest

import hookframe
from hookframe.api import hookspecs
from hookframe.api.hookspecs import HOOKS

from .pages import FENCED, HEADING, ROOT, rows_of, section_of
from .test_snippets import FENCE
from .test_snippets import PAGES as RUN_PAGES

PAGE = ROOT / "docs" / "plugins" / "reference.md"
TEXT = PAGE.read_text("utf-8")
NAMES = "The names of hookframe"


def heading_of(hook):
    """Write the signature of a hook as the heading of its section."""
    return f"{hook}({', '.join(HOOKS[hook])})"


def examples_of(section, language):
    """Give the blocks of a section in one language."""
    return [found["content"] for found in FENCE.finditer(section) if found["language"] == language]


def test_the_headings_are_the_signatures_of_all_hooks_in_their_order():
    prose = FENCED.sub("", TEXT)
    headings = [found["text"] for found in HEADING.finditer(prose) if found[0].startswith("### ")]
    assert headings == [heading_of(hook) for hook in HOOKS]


@pytest.mark.parametrize("hook", HOOKS)
def test_each_argument_of_a_hook_is_described_with_its_type(hook):
    rows = rows_of(section_of(TEXT, heading_of(hook)))
    specified = inspect.signature(getattr(hookspecs, hook)).parameters
    described = {name.strip("`"): kind.strip("`").replace("\\|", "|") for name, kind, _ in rows}
    assert list(described) == list(specified)
    assert described == {name: each.annotation for name, each in specified.items()}


@pytest.mark.parametrize("hook", HOOKS)
def test_each_hook_has_its_returns_its_errors_and_when_it_is_called(hook):
    section = section_of(TEXT, heading_of(hook))
    for told in ("**Returns**", "**Errors.**", "**Called**"):
        assert section.count(told) == 1, told


@pytest.mark.parametrize("hook", HOOKS)
def test_each_hook_has_an_example_that_is_run(hook):
    assert PAGE in RUN_PAGES
    section = section_of(TEXT, heading_of(hook))
    [code] = examples_of(section, "python")
    marked = {
        node.name
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.FunctionDef)
        and any(
            isinstance(mark, ast.Name) and mark.id == "hookimpl" for mark in node.decorator_list
        )
    }
    assert hook in marked
    [console] = examples_of(section, "console")
    assert re.search(r"(?m)^\$ hookframe (decide|check)", console)


def test_every_public_name_is_described_and_no_other():
    rows = rows_of(section_of(TEXT, NAMES))
    described = [re.match(r"`(\w+)", name)[1] for name, _ in rows]
    assert sorted(described) == sorted(hookframe.__all__)


@pytest.mark.parametrize("name", ["CodeFileError", "duration"])
def test_what_is_called_is_described_with_its_arguments(name):
    rows = rows_of(section_of(TEXT, NAMES))
    taken = ", ".join(inspect.signature(getattr(hookframe, name)).parameters)
    assert f"`{name}({taken})`" in [cell for cell, _ in rows]


def test_the_public_attributes_of_a_snapshot_are_described():
    [row] = [text for name, text in rows_of(section_of(TEXT, NAMES)) if name == "`Snapshot`"]
    assert {"path", "content", "error", "settled", "fingerprint"} <= set(
        re.findall(r"`(\w+)`", row)
    )
    assert all(hasattr(hookframe.Snapshot, name) for name in ("settled", "fingerprint"))
