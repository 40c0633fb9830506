"""docs/plugins/cookbook.md and the registry say of the hooks what their headers say."""

from __future__ import annotations

import importlib.util
import sys

import pytest

from .pages import ROOT

PROGRAM = ROOT / "contrib" / "cookbook.py"
COOKBOOK = ROOT / "docs" / "plugins" / "cookbook.md"
REGISTRY = ROOT / "contrib" / "README.md"
HINT = "run: python contrib/cookbook.py"


@pytest.fixture(scope="module")
def program():
    """contrib/cookbook.py as a module."""
    spec = importlib.util.spec_from_file_location("hookframe_cookbook", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture(scope="module")
def headers(program):
    return program.headers()


def recipes_of(program, page):
    """Give the recipes of a page by the hook's name."""
    recipes = page.split("\n## ")[1:]
    return {program.name_of(recipe): recipe for recipe in recipes}


def test_the_cookbook_says_what_the_headers_say(program, headers):
    page = COOKBOOK.read_text("utf-8")
    assert program.cookbook(page, headers) == page, HINT


def test_the_registry_lists_every_hook_with_its_summary(program, headers):
    page = REGISTRY.read_text("utf-8")
    assert program.registry(page, headers) == page, HINT
    assert all(f"[{header.name}](hooks/{header.name}.py)" in page for header in headers)


def test_every_recipe_is_tried(program, headers):
    recipes = recipes_of(program, COOKBOOK.read_text("utf-8"))
    assert list(recipes) == [header.name for header in headers]
    for name, recipe in recipes.items():
        by_hand = recipe.partition("Try it:\n")[2]
        assert f"contrib/hooks/{name}.py" in by_hand, name
        assert '\n{"action":' in by_hand, f"{name}: no decision is shown"


def test_the_registry_lists_every_plugin_that_comes_with_hookframe():
    page = REGISTRY.read_text("utf-8")
    for readme in ROOT.glob("plugins/*/README.md"):
        assert f"](../{readme.relative_to(ROOT)})" in page


def test_a_changed_header_changes_its_recipe_and_nothing_written_by_hand(program, headers):
    page = COOKBOOK.read_text("utf-8")
    first, *others = headers
    changed = program.Header(first.name, "Do it otherwise.", {**first.fields, "Why": "because."})
    written = program.cookbook(page, [changed, *others])
    before, after = (recipes_of(program, each) for each in (page, written))
    old, new = before.pop(first.name), after.pop(first.name)
    assert new.startswith("Do it otherwise\n\nBecause.\n")
    assert new.partition("Try it:")[2] == old.partition("Try it:")[2]
    assert after == before


def test_a_new_hook_gets_a_recipe_in_its_place_and_one_that_is_gone_has_none(program, headers):
    page = COOKBOOK.read_text("utf-8")
    without = program.cookbook(page, headers[1:])
    assert headers[0].name not in recipes_of(program, without)
    with_it = recipes_of(program, program.cookbook(without, headers))
    assert list(with_it) == [header.name for header in headers]


def test_check_names_the_pages_that_are_stale_and_writes_nothing(
    program, tmp_path, monkeypatch, capsys
):
    cookbook, registry = tmp_path / "cookbook.md", tmp_path / "README.md"
    cookbook.write_text("# Cookbook\n")
    registry.write_text(REGISTRY.read_text("utf-8"))
    monkeypatch.setattr(program, "COOKBOOK", cookbook)
    monkeypatch.setattr(program, "REGISTRY", registry)
    assert program.main(["--check"]) == 1
    assert capsys.readouterr().out == f"{cookbook}: is not up to date\n"
    assert cookbook.read_text() == "# Cookbook\n"
    assert program.main([]) == 0
    assert program.main(["--check"]) == 0


def test_a_hook_without_a_header_is_an_error_that_says_so(program, tmp_path):
    hook = tmp_path / "bare.py"
    hook.write_text("def pre_delivery_attempt():\n    return None\n")
    with pytest.raises(ValueError, match=r"bare\.py has no header"):
        program.header_of(hook)
