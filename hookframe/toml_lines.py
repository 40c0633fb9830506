"""Where in a TOML text each key stands: tomllib tells what was read, but not from which line."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from typing import Any

Path = tuple[str, ...]


def key_lines(text: str) -> dict[Path, int]:
    """Find the line of every key and every table of a TOML text that tomllib accepts.

    Lines are gathered until tomllib takes them as one whole statement, so strings and arrays
    over several lines, comments and quoted keys mean here what they mean there.

    Args:
        text: the TOML text.

    Returns:
        The line of each dotted path, from 1; of a key that stands more than once, the first.
    """
    lines: dict[Path, int] = {}
    table: Path = ()
    for first, statement in _statements(text):
        parsed = tomllib.loads(statement)
        paths = list(_paths(parsed))
        if statement.lstrip().startswith("["):
            table = max(paths, key=len)
            lines.setdefault(table, first)
        else:
            for path in paths:
                lines.setdefault(table + path, first)
    return lines


def _statements(text: str) -> Iterator[tuple[int, str]]:
    """Cut a text into its statements, each with the number of its first line."""
    gathered, first = "", 1
    for number, line in enumerate(text.split("\n"), start=1):
        if not gathered:
            first = number
        gathered += line + "\n"
        if _is_whole(gathered):
            if tomllib.loads(gathered):
                yield first, gathered
            gathered = ""


def _is_whole(statement: str) -> bool:
    try:
        tomllib.loads(statement)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _paths(value: Mapping[str, Any], above: Path = ()) -> Iterator[Path]:
    for key, inner in value.items():
        yield (*above, key)
        if isinstance(inner, Mapping):
            yield from _paths(inner, (*above, key))
