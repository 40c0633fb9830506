"""A rule's `match` table: what each key of an attempt must be for the rule to match."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from hookframe_routing.conditions import Condition, Conditions, Patterns, Values
from hookframe_routing.keys import ATTEMPT_KEYS, DOMAIN_KEYS, fact_of, same_domain
from hookframe_routing.problems import Problem, WrongValueError, shown, spelled, unknown

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

_KINDS: Final[Mapping[type, str]] = {
    str: "a string",
    int: "a whole number",
    bool: "true or false",
}
_WILDCARD: Final = re.compile(r"[*?]")
_MIXED_LABEL: Final = re.compile(r"[^.]*[*?\[][^.]*")
"""A label of a glob that has a wildcard."""
_NOT_IN_A_DOMAIN: Final = re.compile(r"[\s@\x00-\x1f\x7f-\x9f]")


def read_match(given: object, further: frozenset[str]) -> tuple[Conditions, list[Problem]]:
    """Read a rule's `match` table.

    Args:
        given: the table as TOML gives it.
        further: the keys beyond the nine that rules may match.

    Returns:
        The conditions that must all hold, without those that always do; and every mistake.
    """
    if not isinstance(given, dict):
        return {}, [Problem("match", f"{shown(given)}; expected a table of conditions")]
    conditions: dict[str, Condition] = {}
    problems = []
    for key, value in given.items():
        try:
            condition = _condition(key, value, further)
        except WrongValueError as wrong:
            problems.append(Problem(f"match.{spelled(key)}", str(wrong)))
        else:
            if not _always_holds(key, condition, further):
                conditions[key] = condition
    return conditions, problems


def _condition(key: str, value: object, further: frozenset[str]) -> Condition:
    if key not in ATTEMPT_KEYS and key not in DOMAIN_KEYS and key not in further:
        known = (*ATTEMPT_KEYS, *DOMAIN_KEYS, *sorted(further))
        hint = "; a key that only your MTA sends must be named in the setting extra_keys"
        raise WrongValueError(unknown(key, known, "key of an attempt") + hint)
    if isinstance(value, dict):
        return _patterns(key, value)
    values = value if isinstance(value, list) else [value]
    if not values:
        raise WrongValueError("an empty list matches nothing; expected at least one value")
    return Values(frozenset(_exact(key, one, key in further) for one in values))


def _exact(key: str, value: object, is_further: bool) -> Hashable:
    if is_further:
        if isinstance(value, (str, bool, int)):
            return fact_of(value)
        raise WrongValueError(
            f"{shown(value)}; expected a string, a whole number, or true or false"
        )
    kind = ATTEMPT_KEYS.get(key, str)
    if type(value) is not kind:
        raise WrongValueError(f"{shown(value)}; expected {_KINDS[kind]}{_or_more(kind)}")
    assert isinstance(value, (str, bool, int))  # noqa: S101  (one of the three kinds)
    return _domain(value) if key in DOMAIN_KEYS and isinstance(value, str) else value


def _or_more(kind: type) -> str:
    """Name the other forms that a condition of this kind may take."""
    return ", a list of strings, or a table with glob or regex" if kind is str else " or a list"


def _domain(value: str) -> str:
    if _NOT_IN_A_DOMAIN.search(value):
        raise WrongValueError(f'{shown(value)}; expected a domain alone, such as "example.com"')
    if value.startswith(".") or _WILDCARD.search(value):
        glob = f"*{value}" if value.startswith(".") else value
        raise WrongValueError(
            f"{shown(value)}; expected a domain, which stands for itself alone; "
            f"for a pattern write {{ glob = {shown(glob)} }}"
        )
    return same_domain(value)


def _patterns(key: str, table: dict[str, Any]) -> Patterns:
    if ATTEMPT_KEYS.get(key, str) is not str:
        kind = ATTEMPT_KEYS[key]
        raise WrongValueError(
            f"a table; expected {_KINDS[kind]} or a list: only strings have patterns"
        )
    for form in table:
        if form not in ("glob", "regex"):
            raise WrongValueError(
                f"{spelled(form)}: {unknown(form, ('glob', 'regex'), 'form of pattern')}"
            )
    if len(table) != 1:
        seen = "both glob and regex" if table else "an empty table"
        raise WrongValueError(f"{seen}; expected exactly one of glob and regex")
    if "glob" in table:
        return _globs(key, table["glob"])
    return _regex(key, table["regex"])


def _globs(key: str, given: object) -> Patterns:
    globs = given if isinstance(given, list) else [given]
    if not globs:
        raise WrongValueError("glob: an empty list matches nothing; expected at least one pattern")
    return Patterns.of_globs(_glob(key, glob) for glob in globs)


def _glob(key: str, given: object) -> str:
    if not isinstance(given, str):
        raise WrongValueError(f"glob: {shown(given)}; expected a string or a list of strings")
    if key not in DOMAIN_KEYS:
        return given
    if "@" in given:
        raise WrongValueError(
            f"glob: {shown(given)} has an @; expected a pattern for the domain alone"
        )
    if any(not label.isascii() for label in _MIXED_LABEL.findall(given)):
        raise WrongValueError(
            f"glob: {shown(given)} has a wildcard and a letter that is not ASCII in one label; "
            "expected a whole label of each, as domains are compared as xn--... labels"
        )
    return same_domain(given)


def _regex(key: str, given: object) -> Patterns:
    if not isinstance(given, str):
        raise WrongValueError(f"regex: {shown(given)}; expected a string")
    if key in DOMAIN_KEYS and not given.isascii():
        raise WrongValueError(
            f"regex: {shown(given)}; expected ASCII alone, as domains are compared as xn--... "
            "labels"
        )
    # A dot matches a line feed too: no recipient slips past a rule by containing one.
    flags = re.DOTALL | (re.IGNORECASE if key in DOMAIN_KEYS else re.NOFLAG)
    try:
        return Patterns.of_regex(given, flags)
    except (re.error, RecursionError, OverflowError) as error:
        raise WrongValueError(
            f"regex: {shown(given)}: {error}; expected a regular expression"
        ) from None


def _always_holds(key: str, condition: Condition, further: frozenset[str]) -> bool:
    """Recognise a condition that every attempt meets, so that a catch-all is known as one."""
    if key in further:  # the attempt may lack it
        return False
    if isinstance(condition, Values):
        return condition.allowed == {True, False} and ATTEMPT_KEYS.get(key) is bool
    return condition.matches_all
