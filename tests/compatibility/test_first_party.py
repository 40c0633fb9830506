"""Nobody's plugin is special: those that come with hookframe use what the documentation shows."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import hookframe

ROOT = Path(__file__).parents[2]
REFERENCE = (ROOT / "docs" / "plugins" / "reference.md").read_text("utf-8")
TESTING = "hookframe.testing"
MODULES = {path.stem for path in Path(hookframe.__file__).parent.iterdir()}
DEVKIT = ROOT / "plugins" / "hookframe-devkit"
"""tools for authors: no plugin, so it may know the inside of hookframe"""
PLUGINS = [
    path
    for path in sorted((ROOT / "plugins").glob("*/src/**/*.py"))
    if not path.is_relative_to(DEVKIT)
]
HOOK_FILES = [
    path
    for path in sorted((ROOT / "contrib" / "hooks").glob("*.py"))
    if not path.name.startswith(("test_", "conftest"))
]
EXAMPLES = sorted((ROOT / "docs" / "examples").glob("*.py"))
SOURCES = [*PLUGINS, *HOOK_FILES, *EXAMPLES]
TESTS = [
    *sorted((ROOT / "plugins").glob("*/tests/**/*.py")),
    *sorted((ROOT / "contrib" / "hooks").glob("test_*.py")),
]


def name_of(path):
    return str(path.relative_to(ROOT))


def parsed(path):
    return ast.parse(path.read_text("utf-8"))


def imported_from_hookframe(tree):
    """Give what a module imports from hookframe, as dotted names; `hookframe` for the whole."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (each.name for each in node.names if is_hookframe(each.name))
        elif isinstance(node, ast.ImportFrom) and node.module and is_hookframe(node.module):
            yield from (f"{node.module}.{each.name}" for each in node.names)


def is_hookframe(module):
    return module.partition(".")[0] == "hookframe"


def named_in_text(tree):
    """Give the modules of hookframe that strings name, as `import_module` wants them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            found = re.fullmatch(r"hookframe\.(\w+)(?:\.\w+)*", node.value)
            if found and found[1] in MODULES:
                yield node.value


def test_there_is_something_to_look_at():
    plugins = {path.relative_to(ROOT / "plugins").parts[0] for path in PLUGINS}
    assert {"hookframe-blacklist", "hookframe-perl", "hookframe-routing"} <= plugins


@pytest.mark.parametrize("path", SOURCES, ids=name_of)
def test_it_imports_only_public_names_that_the_reference_describes(path):
    tree = parsed(path)
    for name in imported_from_hookframe(tree):
        public = name.removeprefix("hookframe.")
        assert public in hookframe.__all__, f"{name} is not public"
        assert re.search(rf"(?m)^\| `{public}\b", REFERENCE), f"{name} is not described"
    assert set(named_in_text(tree)) == set()


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("from hookframe import hookimpl, duration", ["hookframe.hookimpl", "hookframe.duration"]),
        ("def late():\n    from hookframe.host.host import Host", ["hookframe.host.host.Host"]),
        ("import hookframe.config.model as config", ["hookframe.config.model"]),
        ("import hookframe_routing", []),
        ("import_module('hookframe.log.log')", ["hookframe.log.log"]),
        ("open('hookframe.toml')", []),
    ],
)
def test_what_is_imported_is_found(code, found):
    tree = ast.parse(code)
    assert [*imported_from_hookframe(tree), *named_in_text(tree)] == found


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_its_tests_import_only_public_names_too(path):
    for name in imported_from_hookframe(parsed(path)):
        public = name.removeprefix("hookframe.")
        assert public in hookframe.__all__ or name.startswith(f"{TESTING}.") or name == TESTING, (
            f"{name} is not public"
        )
