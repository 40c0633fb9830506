"""Every link within the project leads somewhere, and so does every `make TARGET`."""

from __future__ import annotations

import re

import pytest

from .pages import PAGES, ROOT, anchors_of

LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
MAKE = re.compile(r"(?m)(?:^|`|&& )make (?P<target>[a-z]\w*)")
RULE = re.compile(r"(?m)^(?P<target>[a-z]\w*):(?!=)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_link_leads_somewhere(page):
    for found in LINK.finditer(page.read_text("utf-8")):
        target, _, anchor = found["target"].partition("#")
        if target.startswith("https://"):
            continue
        there = (page.parent / target).resolve() if target else page
        assert there.is_relative_to(ROOT), found[0]
        assert there.exists(), found[0]
        assert not anchor or anchor in anchors_of(there), found[0]


@pytest.mark.parametrize("directory", ["docs", "docs/plugins"])
def test_every_page_can_be_reached_from_the_index(directory):
    index = ROOT / directory / "README.md"
    linked = {
        found["target"].partition("#")[0] for found in LINK.finditer(index.read_text("utf-8"))
    }
    pages = {page.name for page in (ROOT / directory).glob("*.md")} - {"README.md"}
    assert pages <= linked


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_target_of_make_that_a_page_names_exists(page):
    rules = {found["target"] for found in RULE.finditer((ROOT / "Makefile").read_text("utf-8"))}
    named = {found["target"] for found in MAKE.finditer(page.read_text("utf-8"))}
    assert named <= rules


def test_contributing_and_the_readme_name_targets_of_make():
    for page, target in (("CONTRIBUTING.md", "quick"), ("README.md", "run")):
        found = MAKE.finditer((ROOT / page).read_text("utf-8"))
        assert target in {each["target"] for each in found}
