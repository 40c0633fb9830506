"""A table on a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

_STYLES: Final = {
    "ok": "green",
    "shadow": "magenta",
    "missing": "bold red",
    "conflict": "bold red",
    "unusable": "bold red",
}


def draw(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Draw a table on standard output.

    Args:
        title: stands above it.
        headings: one a column.
        rows: the cells; none of their text is taken for markup.
    """
    console = Console()
    console.print(Text(title, "bold"))
    table = Table(box=SIMPLE_HEAD, pad_edge=False, header_style="dim")
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell, _STYLES.get(cell, "")) for cell in row))
    console.print(table)
