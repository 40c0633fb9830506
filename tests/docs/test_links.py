"""Every link within the project leads somewhere, to a heading where it names one."""

from __future__ import annotations

import re

import pytest

from .pages import PAGES, ROOT, anchors_of

LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")


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
