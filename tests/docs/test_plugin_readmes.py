"""Every plugin's README keeps the form that contrib/CONTRIBUTING.md gives, a new plugin's too."""

from __future__ import annotations

import re
import tomllib
from pathlib import PurePath

import pytest
from hookframe_devkit.new.names import parse_name
from hookframe_devkit.new.template import About, render_project

from .pages import FENCED, ROOT, blocks_of

CONTRIBUTING = ROOT / "contrib" / "CONTRIBUTING.md"
FIRST_PARTY = {path.parent.name: path for path in ROOT.glob("plugins/*/README.md")}
NEW = ("plugin", "wrapper")
"""The kinds of project that have a README of the form; a hook file's is none of a plugin."""
LONGEST_DESCRIPTION = 120


def headings_of(text: str) -> list[str]:
    """Give the headings below the title, with their level; what is fenced has none."""
    return re.findall(r"(?m)^##+ .*$", FENCED.sub("", text))


def form() -> str:
    """Give the form: the block that begins with a README's title."""
    [found] = [block for block in blocks_of(CONTRIBUTING, "text") if block.startswith("# ")]
    return found


def sentence_of(text: str) -> str:
    """Give the paragraph below the title."""
    return text.split("\n\n")[1]


def without_others(headings: list[str], wanted: list[str]) -> list[str]:
    return [heading for heading in headings if heading in wanted]


@pytest.fixture(scope="module", params=[*FIRST_PARTY, *NEW])
def distribution(request) -> tuple[str, str]:
    """A README, and the pyproject.toml beside it."""
    if request.param in FIRST_PARTY:
        readme = FIRST_PARTY[request.param]
        return readme.read_text("utf-8"), readme.with_name("pyproject.toml").read_text("utf-8")
    files = render_project(request.param, parse_name("slow-start"), About())
    readme, metadata = (files[PurePath(name)].decode() for name in ("README.md", "pyproject.toml"))
    return readme, metadata


def test_the_form_has_headings():
    assert len(headings_of(form())) > 1


def test_the_headings_of_the_form_are_there_and_in_its_order(distribution):
    wanted = headings_of(form())
    assert without_others(headings_of(distribution[0]), wanted) == wanted


def test_the_title_is_the_distribution_and_the_first_sentence_its_description(distribution):
    readme, metadata = distribution
    declared = tomllib.loads(metadata)["project"]
    assert readme.startswith(f"# {declared['name']}\n\n")
    assert sentence_of(readme) == declared["description"]
    assert len(declared["description"]) <= LONGEST_DESCRIPTION
