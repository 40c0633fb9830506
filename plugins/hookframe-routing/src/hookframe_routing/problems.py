"""What is wrong with settings and rules: every mistake in one error, each with its place."""

from __future__ import annotations

import json
import re
from difflib import get_close_matches
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_LONGEST_SHOWN: Final = 80
_BARE: Final = re.compile(r"[A-Za-z0-9_-]{1,80}")
_MOST_LISTED: Final = 100
"""More than a person mends in one go; a log line that a generated table of 10,000 mistakes
repeats every second must stay a line."""


class WrongValueError(ValueError):
    """One value that can't be taken; the text says what was seen and what was expected."""


class Problem(NamedTuple):
    """One mistake."""

    key: str
    """the dotted key at fault, as `match.recipient`; empty for a rule as a whole"""
    text: str
    """what was seen; what was expected"""
    rule: int | None = None
    """the number of the rule, from 1; None for a mistake outside the rules"""
    name: str | None = None
    """the rule's name, if it has one"""

    def __str__(self) -> str:
        places = [label(self.rule, self.name)] if self.rule is not None else []
        places += [self.key] if self.key else []
        return ": ".join([*places, self.text])


class RoutingError(ValueError):
    """Settings or rules that can't be used, with every mistake on one line of text.

    Args:
        problems: the mistakes, in the order in which they stand.
        path: the rule file, None where the rules stand in the settings.
        lines: the line of each rule's header in that file, where they are known.
    """

    def __init__(
        self, problems: Iterable[Problem], path: str | None = None, lines: Sequence[int] = ()
    ) -> None:
        self.problems = tuple(problems)
        self._place = (path, lines)
        place = f"{path}: " if path else ""
        super().__init__(place + _listed([_placed(problem, lines) for problem in self.problems]))

    def again(self) -> RoutingError:
        """Make an equal error that has not been raised yet."""
        return RoutingError(self.problems, *self._place)


def _placed(problem: Problem, lines: Sequence[int]) -> str:
    if problem.rule is None or problem.rule > len(lines):
        return str(problem)
    return f"line {lines[problem.rule - 1]}: {problem}"


def _listed(texts: Sequence[str]) -> str:
    if len(texts) == 1:
        return texts[0]
    numbered = [f"({number}) {text}" for number, text in enumerate(texts[:_MOST_LISTED], 1)]
    if len(texts) > _MOST_LISTED:
        numbered.append(f"and {len(texts) - _MOST_LISTED} more")
    return f"{len(texts)} mistakes: " + "; ".join(numbered)


def label(number: int, name: str | None) -> str:
    """Name a rule as the administrator finds it: `rule 3 (eu)`."""
    return f"rule {number} ({name})" if name else f"rule {number}"


def shown(value: object) -> str:
    """Show a value as TOML spells it, short and on one line."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, (str, bool, int)):
        text = json.dumps(value)
        return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
    return f"{value}" if isinstance(value, float) else "a date or time"


def spelled(key: str) -> str:
    """Show a key as TOML spells it: bare where it may be, in quotes otherwise."""
    return key if _BARE.fullmatch(key) else shown(key)


def unknown(key: object, known: Iterable[str], kind: str) -> str:
    """Say that a key is unknown, and which one was probably meant.

    Args:
        key: the key that was seen.
        known: the keys that are possible here.
        kind: what such a key is called, as "setting".
    """
    names = list(known)
    close = get_close_matches(str(key), names, n=1)
    meant = f"did you mean {close[0]}? Expected" if close else "expected"
    return f"unknown {kind}; {meant} one of {', '.join(names)}"
