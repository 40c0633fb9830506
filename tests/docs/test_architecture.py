"""The rooms in docs/architecture.md and CONTRIBUTING.md are those of the package."""

from __future__ import annotations

import ast
import re
import tomllib

import pytest

from .pages import ROOT, rows_of, section_of

PACKAGE = ROOT / "hookframe"
PAGE = ROOT / "docs/architecture.md"
FILE = re.compile(r"`([\w./]+\.py)`")


def layers(contract):
    """Name the packages of an import-linter contract, the lowest layer first."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = {each["name"]: each for each in project["tool"]["importlinter"]["contracts"]}
    found = contracts[contract]
    room = PACKAGE.joinpath(*found["containers"][0].split(".")[1:])
    names = [name for layer in reversed(found["layers"]) for name in layer.split(" | ")]
    return [room / name for name in names if (room / name).is_dir()]


def row(package):
    """Write the row of a package: its path, and the first line of its docstring."""
    docstring = ast.get_docstring(ast.parse((package / "__init__.py").read_text("utf-8")))
    return [f"`{package.relative_to(PACKAGE)}`", docstring.splitlines()[0]]


def the_ten_rooms():
    return [row(package) for package in layers("The ten rooms")]


def the_inner_rooms():
    commands = PACKAGE / "cli/commands"
    packages = sorted(path.parent for path in commands.glob("*/__init__.py"))
    return [row(package) for package in (*layers("Inside the daemon"), commands, *packages)]


def files_of(page):
    return sorted(set(FILE.findall(page.read_text("utf-8"))))


def test_the_tables_have_the_docstring_of_each_package_in_the_order_of_the_layers():
    table = rows_of(section_of(PAGE.read_text("utf-8"), "The rooms"))
    assert table == the_ten_rooms() + the_inner_rooms()


def test_contributing_has_the_same_rooms():
    table = rows_of(section_of((ROOT / "CONTRIBUTING.md").read_text("utf-8"), "Where things live"))
    assert table[:10] == the_ten_rooms()


def test_there_are_ten_rooms():
    assert len(the_ten_rooms()) == 10


@pytest.mark.parametrize("file", files_of(PAGE))
def test_every_file_that_the_page_names_exists(file):
    assert (PACKAGE / file).is_file()
