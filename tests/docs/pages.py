"""Takes pages of the documentation apart."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted((ROOT / "docs").glob("**/*.md")),
    *sorted((ROOT / "contrib").glob("**/*.md")),
    *sorted((ROOT / "plugins").glob("*/README.md")),
    *sorted((ROOT / "benchmarks").glob("*.md")),
]
HEADING = re.compile(r"(?m)^#+ +(?P<text>.*?) *$")
FENCED = re.compile(r"(?ms)^```.*?^```$")


def section_of(text: str, heading: str) -> str:
    """Give what stands below a heading, up to the next one."""
    headings = list(HEADING.finditer(FENCED.sub(_blank, text)))
    for number, found in enumerate(headings):
        if found["text"] == heading:
            end = headings[number + 1].start() if number + 1 < len(headings) else len(text)
            return text[found.end() : end]
    raise AssertionError(f"there is no heading {heading!r}")


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found[0])


def rows_of(section: str) -> list[list[str]]:
    """Give the cells of the section's tables, without their headings."""
    rows: list[list[str]] = []
    heading = True
    for line in section.splitlines():
        if not line.startswith("|"):
            heading = True
        elif heading or set(line) <= set("|- "):
            heading = False
        else:
            rows.append([cell.strip() for cell in line.strip("| ").split(" | ")])
    return rows


def blocks_of(page: Path, language: str) -> Iterator[str]:
    """Give the contents of a page's fenced blocks in one language."""
    for found in re.finditer(rf"(?ms)^```{language}\n(.*?)^```$", page.read_text("utf-8")):
        yield found[1]


def anchors_of(page: Path) -> set[str]:
    """Give the anchors of a page's headings, as GitHub makes them."""
    texts = (
        found["text"] for found in HEADING.finditer(FENCED.sub(_blank, page.read_text("utf-8")))
    )
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in texts}


def tables_of_toml(path: tuple[str, ...]) -> str:
    """Write the header of a TOML table; nothing for the top level."""
    return f"[{'.'.join(path)}]\n" if path else ""
