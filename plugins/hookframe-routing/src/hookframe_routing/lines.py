"""Where in a TOML file each rule begins, for error texts."""

from __future__ import annotations

import re
import tomllib
from typing import Final

_HEADER: Final = re.compile(r"""[ \t]*\[\[[ \t]*(?:rule|"rule"|'rule')[ \t]*\]\]""")


def rule_lines(text: str, rules: int) -> tuple[int, ...]:
    """Find the line of each `[[rule]]` header.

    What looks like a header is one only if the lines since the last one are complete TOML, and
    not the beginning of a string or an array that goes on.

    Args:
        text: a whole file that is valid TOML.
        rules: how many rules it has.

    Returns:
        The line of each rule's header, from 1; none where the file writes its rules in another
        way than with plain headers.
    """
    found = []
    since: list[str] = []
    for number, line in enumerate(text.split("\n"), 1):
        if _HEADER.match(line) and _is_complete("\n".join(since)):
            found.append(number)
            since = []
        since.append(line)
    return tuple(found) if len(found) == rules else ()


def _is_complete(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True
