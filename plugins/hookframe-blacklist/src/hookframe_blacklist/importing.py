"""A table is made a list: CSV or TSV as other programs export it, whatever its encoding."""

from __future__ import annotations

import csv
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections import Counter
from io import StringIO
from itertools import islice
from typing import TYPE_CHECKING, Final, NamedTuple

from hookframe_blacklist.entries import Part, read_blocks
from hookframe_blacklist.errors import BlacklistError, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

_DELIMITERS: Final = ",;\t|"
_ADDRESS: Final = re.compile(r'\s*(?:mailto:)?[^\s,;|<>"]*@[^\s@,;|<>"]+\s*')
"""A cell that is an address, or a domain, and nothing else."""
_SWALLOWED: Final = re.compile(r"\n[^\n]*@")
"""A cell of several lines that has an address in another than the first."""
_LOOKED_AT: Final = 100
"""The number of rows by which the column of the addresses is found."""
_MOSTLY: Final = 0.5
"""The part of them that must be addresses."""


class Imported(NamedTuple):
    """What a table has."""

    entries: set[str]
    """the entries, in the form in which lists are compared"""
    column: str
    """the name of the column, or its number where there is no header"""
    rows: int
    """the number of rows below the header"""
    empty: int
    """the number of rows without a value in that column"""
    wrong: list[tuple[int, str]]
    """the number of each line whose value is no entry, with the value"""


def read_table(data: bytes, column: str | None, *, senders: bool) -> Imported:
    """Read the addresses of a table.

    Args:
        data: the whole file: CSV with commas, semicolons or bars, TSV, or one address a line; UTF-8
            or UTF-16, with or without a byte order mark, a header, and quotes.
        column: the name or the number, from 1, of the column to read; None to find it.
        senders: whether `<>` is an entry.

    Raises:
        BlacklistError: it is no table, or the column is not clear; the text says what to do.
    """
    text = _decode(data)
    first = text.lstrip("\r\n").partition("\n")[0]
    delimiter = max(_DELIMITERS, key=first.count)
    try:
        reader = csv.reader(StringIO(text, newline=""), delimiter=delimiter, strict=False)
        numbered = [(reader.line_num, row) for row in reader if row]
    except csv.Error as error:
        raise BlacklistError(f"it is no table: {error}; expected CSV or TSV") from None
    if not numbered:
        raise BlacklistError("it is empty; expected CSV or TSV with a column of addresses")
    header = [] if any("@" in cell for cell in numbered[0][1]) else numbered[0][1]
    rows = numbered[1:] if header else numbered
    index = _find_column(column, header, [row for _, row in islice(rows, _LOOKED_AT)])
    name = header[index].strip() if index < len(header) else str(index + 1)
    return _collect(rows, index, name, senders=senders)


def _decode(data: bytes) -> str:
    if data.startswith((BOM_UTF16_LE, BOM_UTF16_BE)) or b"\0" in data[:2]:
        encoding = "utf-16-be" if data.startswith(b"\0") else "utf-16"  # without a mark: LE
        try:
            return data.decode(encoding)
        except UnicodeDecodeError as error:
            raise BlacklistError(f"it is damaged UTF-16: {error.reason}") from None
    return data.decode("utf-8-sig", "surrogateescape")


def _find_column(wanted: str | None, header: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Find the column by its name or number, or by the addresses in it."""
    names = [name.strip() for name in header]
    if wanted is not None:
        folded = [name.casefold() for name in names]
        if wanted.strip().casefold() in folded:
            return folded.index(wanted.strip().casefold())
        if wanted.isascii() and wanted.isdigit() and int(wanted) > 0:
            return int(wanted) - 1
        known = ", ".join(map(quoted, names)) or "there is no header: give its number"
        raise BlacklistError(f"there is no column {quoted(wanted)}; the columns are: {known}")
    counts = Counter(
        index for row in rows for index, cell in enumerate(row) if _ADDRESS.fullmatch(cell)
    )
    found = [index for index, number in counts.items() if number >= _MOSTLY * len(rows)]
    if len(found) == 1:
        return found[0]
    shown = ", ".join(quoted(names[i] if i < len(names) else str(i + 1)) for i in sorted(found))
    why = f"several have addresses: {shown}" if found else "none has an address in most rows"
    raise BlacklistError(f"which column has the addresses is not clear, {why}; use --column")


def _collect(
    rows: Sequence[tuple[int, Sequence[str]]], index: int, name: str, *, senders: bool
) -> Imported:
    lines, cells, swallowed = [], [], []
    for line, row in rows:
        cell = " ".join(row[index].split()) if index < len(row) else ""
        if any(_SWALLOWED.search(each) for each in row):
            swallowed.append((line, "a quote that is not closed takes in other lines"))
        elif cell:
            lines.append(line)
            cells.append(cell.removeprefix("mailto:"))
    data = "\n".join(cells).encode("utf-8", "surrogatepass")
    entries: set[str] = set()
    mistakes: list[tuple[int, str]] = []
    for block in read_blocks(Part(data, 0, len(data)), mistakes, senders=senders):
        entries.update(block.plain.decode("ascii").split("\n") if block.plain else block.entries)
    entries.discard("")
    wrong = [(lines[number - 1], cells[number - 1]) for number, _ in mistakes]
    empty = len(rows) - len(cells) - len(swallowed)
    return Imported(entries, name, len(rows), empty, sorted(wrong + swallowed))
