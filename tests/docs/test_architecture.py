"""docs/architecture.md has every module of the package in its table, on its floor."""

from __future__ import annotations

import tomllib

from .pages import ROOT, rows_of, section_of

PACKAGE = ROOT / "hookframe"


def in_the_table():
    """Give the modules of the table, each with its floor."""
    section = section_of((ROOT / "docs/architecture.md").read_text("utf-8"), "The rooms")
    return [(name.strip("`"), int(floor)) for floor, name, _ in rows_of(section)]


def in_the_package():
    """Name the modules, as the table does; the package itself is left out."""
    paths = [path.relative_to(PACKAGE).with_suffix("") for path in PACKAGE.rglob("*.py")]
    names = {".".join(path.parts).removesuffix("__init__").rstrip(".") for path in paths}
    return names - {""}


def floors():
    """Give the floor of each module as import-linter knows it, counted from the ground."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    layers = project["tool"]["importlinter"]["contracts"][0]["layers"]
    return {
        name: floor
        for floor, layer in enumerate(reversed(layers), start=1)
        for name in layer.split(" | ")
    }


def test_every_module_stands_in_the_table_once_and_no_other():
    names = [name for name, _ in in_the_table()]
    assert len(names) == len(set(names))
    assert set(names) == in_the_package()


def test_every_module_stands_on_the_floor_that_import_linter_keeps_it_on():
    expected = floors()
    assert {name: floor for name, floor in in_the_table() if "." not in name} == expected


def test_the_modules_of_a_package_stand_on_its_floor():
    rooms = dict(in_the_table())
    assert all(floor == rooms[name.split(".")[0]] for name, floor in rooms.items())


def test_the_table_goes_up_floor_by_floor():
    table = [floor for _, floor in in_the_table()]
    assert table == sorted(table)
