"""A TOML table that is emptied key by key, and remembers every mistake it has seen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hookframe._text import did_you_mean, short_repr
from hookframe.api.errors import Problem
from hookframe.config.lines import KeyLines
from hookframe.config.values import Convert


class Table:
    """A table of the configuration: keys are taken out of it, what is left is unknown.

    Args:
        values: what the table holds.
        path: the names of the tables above it and its own.
        lines: where each key of the whole file stands.
        problems: takes every mistake; shared by all tables of a file.
    """

    def __init__(
        self,
        values: dict[str, Any],
        path: tuple[str, ...],
        lines: KeyLines,
        problems: list[Problem],
    ) -> None:
        self._values = dict(values)
        self._path = path
        self._lines = lines
        self._known: list[str] = []
        self.problems = problems

    @classmethod
    def of(cls, parsed: dict[str, Any], source: str) -> Table:
        """Make the table of a whole file."""
        return cls(parsed, (), KeyLines(source), [])

    def take(self, key: str, convert: Convert, default: Any = None) -> Any:
        """Take a key out of the table.

        Args:
            key: its name.
            convert: checks the value and gives it its type; raises ValueError with what it
                expected.
            default: what an absent or a wrong key stands for.
        """
        self._known.append(key)
        if key not in self._values:
            return default
        try:
            return convert(self._values.pop(key))
        except ValueError as error:
            self.add_problem(key, str(error))
            return default

    def take_table(self, key: str) -> dict[str, Any]:
        """Take a table out as it is, unchecked: somebody else knows what belongs in it."""
        self._known.append(key)
        value = self._values.pop(key, {})
        if isinstance(value, dict):
            return value
        self.add_problem(key, f"must be a table, not {short_repr(value)}")
        return {}

    def take_inner(self, key: str) -> Table:
        """Take a table out, to be emptied in its turn."""
        return Table(self.take_table(key), (*self._path, key), self._lines, self.problems)

    def take_tables(self) -> Iterator[tuple[str, Table]]:
        """Take out every key as a table of its own, in the order of the file."""
        for key in list(self._values):
            yield key, self.take_inner(key)

    def reject_unknown_keys(self) -> None:
        """Report each key that nobody has taken."""
        for key in self._values:
            hint = did_you_mean(key, self._known)
            self.add_problem(key, f"unknown key{hint}; known here: {', '.join(self._known)}")

    def add_problem(self, key: str, text: str) -> None:
        """Report a mistake of one key."""
        path = (*self._path, key)
        self.problems.append(Problem(".".join(path), text, self._lines.get(path)))

    def sort_problems(self) -> tuple[Problem, ...]:
        """Give all mistakes in the order of the file."""
        return tuple(sorted(self.problems, key=lambda problem: problem.line or 0))
