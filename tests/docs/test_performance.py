"""The figures that pages show are those that were measured, and none is written by hand."""

from __future__ import annotations

import re
import sys

import pytest

from .pages import ROOT

MARKED = re.compile(r"(?s)<!-- benchmarks:begin ([\w-]+) -->\n(.*?)<!-- benchmarks:end -->")
PAGES = [
    page
    for page in (
        ROOT / "README.md",
        ROOT / "benchmarks" / "NOTES.md",
        *sorted((ROOT / "docs").rglob("*.md")),
    )
    if MARKED.search(page.read_text())
]


@pytest.fixture
def rendered(monkeypatch, tmp_path):
    """Renders a page from what is kept of the last measurement."""
    monkeypatch.syspath_prepend(str(ROOT))
    for name in [name for name in sys.modules if name.partition(".")[0] == "benchmarks"]:
        monkeypatch.delitem(sys.modules, name)
    from benchmarks import results, tables

    def render(page):
        copy = tmp_path / page.name
        copy.write_text(page.read_text())
        tables.render(results.read(), [copy])
        return copy.read_text()

    return render


def named(page):
    return page.relative_to(ROOT).as_posix()


def test_the_front_page_the_page_about_performance_and_its_notebook_show_figures():
    assert {"README.md", "docs/performance.md", "benchmarks/NOTES.md"} <= set(map(named, PAGES))


def test_the_notebook_has_every_table_that_the_other_pages_show():
    shown = {named(page): {name for name, _ in MARKED.findall(page.read_text())} for page in PAGES}
    notebook = shown.pop("benchmarks/NOTES.md")
    assert shown["docs/performance.md"] < notebook


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_page_shows_what_was_measured(page, rendered):
    assert page.read_text() == rendered(page)


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_there_is_a_table_wherever_a_page_has_room_for_one(page):
    empty = [name for name, text in MARKED.findall(page.read_text()) if not text.startswith("|")]
    assert not empty
