"""One rule: a table of TOML, checked whole and made a value."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

import msgspec

from hookframe_routing.conditions import Conditions, Patterns, Values
from hookframe_routing.keys import ATTEMPT_KEYS, DOMAIN_KEYS
from hookframe_routing.match import read_match
from hookframe_routing.outcome import OUTCOME_KEYS, read_outcome
from hookframe_routing.problems import Problem, label, shown, spelled, unknown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from hookframe import Decision

_KEYS: Final = ("name", "match", *OUTCOME_KEYS)
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Rule(msgspec.Struct, frozen=True, gc=False):
    """One rule of the table.

    Neither it nor its conditions can be part of a cycle, so they are left out of garbage
    collection: with 10,000 of them it would make attempts wait.

    Args:
        number: its place, from 1.
        name: what the administrator calls it, None for nothing.
        conditions: what must all hold; none means that every attempt matches.
        decision: what it gives, None for an exception that leaves the attempt alone.
    """

    number: int
    name: str | None
    conditions: Conditions
    decision: Decision | None

    def __str__(self) -> str:
        return label(self.number, self.name)

    @property
    def exact(self) -> Mapping[str, Values]:
        """The conditions that name exact values."""
        return {key: one for key, one in self.conditions.items() if isinstance(one, Values)}

    @property
    def patterns(self) -> Mapping[str, Patterns]:
        """The conditions that have to be tried."""
        return {key: one for key, one in self.conditions.items() if isinstance(one, Patterns)}


def read_rule(
    number: int, given: object, further: frozenset[str]
) -> tuple[Rule | None, list[Problem]]:
    """Read one rule.

    Args:
        number: its place, from 1.
        given: the table as TOML gives it.
        further: the keys beyond the nine that rules may match.

    Returns:
        The rule, None where it has mistakes; and every mistake.
    """
    if not isinstance(given, dict):
        text = f"{shown(given)}; expected a table with match and what the rule gives"
        return None, [Problem("", text, number)]
    name, problems = _name(given)
    problems += [Problem(spelled(key), _unknown(key)) for key in given if key not in _KEYS]
    conditions, wrong_conditions = read_match(given.get("match", {}), further)
    decision, wrong_outcome = read_outcome(given)
    problems += wrong_conditions + wrong_outcome
    if problems:
        return None, [problem._replace(rule=number, name=name) for problem in problems]
    return Rule(number, name, conditions, decision), []


def _name(given: Mapping[str, Any]) -> tuple[str | None, list[Problem]]:
    name = given.get("name")
    if "name" not in given or (isinstance(name, str) and name and not _CONTROL.search(name)):
        return name, []
    return None, [Problem("name", f"{shown(name)}; expected a string that is not empty")]


def _unknown(key: str) -> str:
    if key in ATTEMPT_KEYS or key in DOMAIN_KEYS:
        return f"stands beside match; expected it inside: match.{key} = …"
    return unknown(key, _KEYS, "key")
