"""The shape of the package, and the paths by which others import it."""

from __future__ import annotations

import ast
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import hookframe
import hookframe.testing

PACKAGE = Path(hookframe.__file__).parent
PACKAGES = [path.parent for path in sorted(PACKAGE.rglob("__init__.py"))]
PUBLIC = {
    "API_VERSION",
    "Attempt",
    "CodeFileError",
    "CodeFiles",
    "Decision",
    "Explanation",
    "Host",
    "InvalidDecision",
    "Settings",
    "Snapshot",
    "State",
    "TEMPFAIL_MESSAGE",
    "Vote",
    "__version__",
    "duration",
    "hookimpl",
    "rehearsal",
    "take_snapshot",
}
PUBLIC_FOR_TESTS = {
    "ChainFactory",
    "Client",
    "Daemon",
    "Member",
    "PolicyUnderTest",
    "TEMPFAIL",
    "attempts",
    "conformance",
    "eventually",
    "make_attempt",
    "member",
    "open_chain",
}


def name_of(package):
    return ".".join(("hookframe", *package.relative_to(PACKAGE).parts))


def test_the_package_has_at_most_fifteen_entries():
    entries = {path.name for path in PACKAGE.iterdir()} - {"__pycache__"}
    assert len(entries) <= 15, sorted(entries)


@pytest.mark.parametrize("package", PACKAGES, ids=name_of)
def test_no_folder_has_more_than_thirteen_modules(package):
    modules = {path.name for path in package.glob("*.py")} - {"__init__.py"}
    assert len(modules) <= 13, sorted(modules)


@pytest.mark.parametrize("package", PACKAGES, ids=name_of)
def test_every_package_begins_with_a_docstring(package):
    assert ast.get_docstring(ast.parse((package / "__init__.py").read_text("utf-8")))


def test_every_folder_with_modules_is_a_package():
    assert {path.parent for path in PACKAGE.rglob("*.py")} == set(PACKAGES)


@pytest.mark.parametrize(
    ("module", "names"),
    [(hookframe, PUBLIC), (hookframe.testing, PUBLIC_FOR_TESTS)],
    ids=["hookframe", "hookframe.testing"],
)
def test_the_public_names_can_be_imported(module, names):
    assert names <= set(module.__all__)
    assert not [name for name in module.__all__ if not hasattr(module, name)]


@pytest.mark.parametrize(
    ("group", "names"),
    [
        ("console_scripts", {"hookframe"}),
        ("pytest11", {"hookframe"}),
        ("hookframe", {"blacklist", "perl", "routing"}),
        ("hookframe.commands", {"new", "verify"}),
    ],
)
def test_the_entry_points_are_installed_and_can_be_loaded(group, names):
    points = entry_points(group=group)
    assert names <= points.names
    assert all(points[name].load() is not None for name in names)


class Bounces:
    @hookframe.hookimpl
    def pre_delivery_attempt(self):
        return {"action": "dump"}


def test_the_fixture_chain_makes_a_chain(chain):
    chain(Bounces()).assert_decision({"action": "dump"})
