"""From TOML to a table: every rule read, checked against the others, and all mistakes at once."""

from __future__ import annotations

import tomllib
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from typing import TYPE_CHECKING, Any

from hookframe_routing.lines import rule_lines
from hookframe_routing.problems import Problem, RoutingError, label, shown, spelled, unknown
from hookframe_routing.reach import unreachable
from hookframe_routing.rules import read_rule
from hookframe_routing.table import Table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def load_table(given: Sequence[object], further: frozenset[str]) -> Table:
    """Make a table of rules that stand in the settings.

    Args:
        given: the rules' tables, in order.
        further: the keys beyond the nine that rules may match.

    Raises:
        RoutingError: rules have mistakes; the text lists all of them.
    """
    table, problems = _read(given, further)
    if problems:
        raise RoutingError(problems)
    return table


def load_document(content: bytes, path: str, further: frozenset[str]) -> Table:
    """Make a table of a rule file's content.

    Args:
        content: the file's bytes.
        path: its name, for error texts.
        further: the keys beyond the nine that rules may match.

    Raises:
        RoutingError: it is no such file, or rules have mistakes; the text lists all of them.
    """
    text = _decoded(content, path)
    document = _parsed(text, path)
    given = document.pop("rule", None)
    problems = [Problem(spelled(key), unknown(key, ("rule",), "key")) for key in document]
    if not isinstance(given, list) or not given:
        raise RoutingError([*problems, _no_rules(given)], path)
    table, wrong_rules = _read(given, further)
    problems += wrong_rules
    if problems:
        raise RoutingError(problems, path, rule_lines(text.replace("\r\n", "\n"), len(given)))
    return table


def _decoded(content: bytes, path: str) -> str:
    if content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        raise RoutingError([Problem("", "is written in UTF-16; save it as UTF-8")], path)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        text = f"line {line}: the byte 0x{content[error.start]:02x} is not UTF-8; expected UTF-8"
        raise RoutingError([Problem("", text)], path) from None


def _parsed(text: str, path: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise RoutingError([Problem("", f"{error}; expected valid TOML")], path) from None


def _no_rules(given: object) -> Problem:
    if given is None or given == []:
        return Problem("rule", "there is none; expected at least one [[rule]] table")
    if isinstance(given, dict):
        return Problem("rule", "[rule] is a single table; expected [[rule]], in double brackets")
    return Problem("rule", f"{shown(given)}; expected [[rule]] tables")


def _read(given: Sequence[object], further: frozenset[str]) -> tuple[Table, list[Problem]]:
    rules = []
    problems = []
    for number, one in enumerate(given, 1):
        rule, wrong = read_rule(number, one, further)
        problems += wrong
        if rule is not None:
            rules.append(rule)
    problems += _same_names(given)
    problems += unreachable(rules)
    return Table(rules), sorted(problems, key=lambda problem: problem.rule or 0)


def _same_names(given: Sequence[object]) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for number, one in enumerate(given, 1):
        name = one.get("name") if isinstance(one, dict) else None
        if isinstance(name, str) and first.setdefault(name, number) != number:
            seen = f"{shown(name)} is also the name of {label(first[name], None)}"
            yield Problem("name", f"{seen}; expected a name of its own", number, name)
