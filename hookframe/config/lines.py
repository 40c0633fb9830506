"""Where in a TOML text each key stands: tomllib tells what was read, but not from which line."""

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
"""What decides where a statement ends, in a text that is known to be TOML."""


class KeyLines:
    """The line of every key of a TOML text, found only when somebody asks for one.

    Args:
        text: a text that tomllib accepts.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._lines: dict[Path, int] | None = None

    def get(self, path: Path) -> int | None:
        """Give the line of a dotted path, from 1; None where it has none."""
        if self._lines is None:
            self._lines = find_key_lines(self._text)
        return self._lines.get(path)


def find_key_lines(text: str) -> dict[Path, int]:
    """Find the line of every key and every table of a TOML text that tomllib accepts.

    The text is cut into statements, and tomllib reads each of them alone, so quoted and dotted
    keys mean here what they mean there.

    Args:
        text: the TOML text.

    Returns:
        The line of each dotted path, from 1; of a key that stands more than once, the first.
    """
    lines: dict[Path, int] = {}
    table: Path = ()
    for first, statement in _split_statements(text):
        try:
            paths = list(_list_paths(tomllib.loads(statement)))
        except RecursionError:  # it was parsed before, from a few frames further up
            continue
        above = table
        if statement.startswith("["):
            above, table = (), max(paths, key=len)
        for path in paths:
            lines.setdefault(above + path, first)
    return lines


def _split_statements(text: str) -> Iterator[tuple[int, str]]:
    """Cut a text into its statements, each with the number of its first line."""
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
    """Give the path of every key in a value, of outer keys before those in them."""
    waiting: list[tuple[Path, Mapping[str, Any]]] = [((), value)]
    while waiting:
        above, table = waiting.pop()
        for key, inner in table.items():
            yield (*above, key)
            if isinstance(inner, Mapping):
                waiting.append(((*above, key), inner))
