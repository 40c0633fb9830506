"""Line numbers of the keys of a TOML text, which tomllib does not return."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Final

Path = tuple[str, ...]

_TOKEN: Final = re.compile(
    r"""
    \"{3} (?: [^\\] | \\. )*? \"{3,5}   # a string over several lines; quotes may precede its end
    | '{3} .*? '{3,5}
    | " (?: [^"\\\n] | \\. )* "
    | ' [^'\n]* '
    | \# [^\n]*
    | [][{}\n]
    """,
    re.VERBOSE | re.DOTALL,
)
"""The tokens of valid TOML that determine where a statement ends."""


def find_key_lines(text: str) -> dict[Path, int]:
    """Find the line of every key and every table of a TOML text.

    The text is split into statements, and tomllib parses each of them, so that quoted and dotted
    keys need no parser here.

    Args:
        text: a text that tomllib accepts.

    Returns:
        The line of each path of keys, from 1; the first line of a key that is repeated.
    """
    lines: dict[Path, int] = {}
    table: Path = ()
    for first, statement in _split_statements(text):
        try:
            paths = list(_list_paths(tomllib.loads(statement)))
        except RecursionError:  # the whole text was parsed before, but with fewer frames in use
            continue
        above = table
        if statement.startswith("["):
            above, table = (), max(paths, key=len)
        for path in paths:
            lines.setdefault(above + path, first)
    return lines


def _split_statements(text: str) -> Iterator[tuple[int, str]]:
    """Split a text into its statements, each with the number of its first line."""
    text += "\n"
    start, first, line, depth = 0, 1, 1, 0
    for token in _TOKEN.finditer(text):
        match token[0]:
            case "[" | "{":
                depth += 1
            case "]" | "}":
                depth -= 1
            case mark:
                line += mark.count("\n")
        if depth == 0 and token[0] == "\n":
            statement = text[start : token.end()].strip()
            if statement and not statement.startswith("#"):
                yield first, statement
            start, first = token.end(), line


def _list_paths(value: Mapping[str, Any]) -> Iterator[Path]:
    """Yield the path of every key in a table, outer keys first."""
    waiting: list[tuple[Path, Mapping[str, Any]]] = [((), value)]
    while waiting:
        above, table = waiting.pop()
        for key, inner in table.items():
            yield (*above, key)
            if isinstance(inner, Mapping):
                waiting.append(((*above, key), inner))
