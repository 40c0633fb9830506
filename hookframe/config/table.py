"""A TOML table whose keys are taken out one by one, and which collects every mistake."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from hookframe._text import did_you_mean, short_repr
from hookframe.config.values import Convert


class Table:
    """A table of the configuration: known keys are taken out of it, the rest is unknown.

    Args:
        values: the parsed table.
        parent: the table that contains it; None for the whole file.
        path: the keys that lead to it from the top of the file.
    """

    def __init__(
        self, values: dict[str, Any], parent: Table | None = None, path: tuple[str, ...] = ()
    ) -> None:
        self._values = dict(values)
        self._path = path
        self._known: list[str] = []
        self.problems: list[tuple[tuple[str, ...], str]] = [] if parent is None else parent.problems
        """the mistakes of all tables of the file: the path of each wrong key, and a text"""

    def take(self, key: str, convert: Convert, default: Any = None) -> Any:
        """Take a key out of the table.

        Args:
            key: the key.
            convert: returns the typed value, or raises ValueError with what was expected.
            default: the value of a missing or wrong key.

        Returns:
            The converted value, or the default.
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
        """Take a table out unchecked, as a plugin's settings: the plugin checks them."""
        self._known.append(key)
        value = self._values.pop(key, {})
        if isinstance(value, dict):
            return value
        self.add_problem(key, f"must be a table, not {short_repr(value)}")
        return {}

    def take_inner(self, key: str) -> Table:
        """Take an inner table out, for taking out its keys."""
        return Table(self.take_table(key), self, (*self._path, key))

    def take_tables(self) -> Iterator[tuple[str, Table]]:
        """Take out every key as an inner table, in the order of the file."""
        for key in list(self._values):
            yield key, self.take_inner(key)

    def reject_unknown_keys(self) -> None:
        """Report each unknown key."""
        for key in self._values:
            hint = did_you_mean(key, self._known)
            self.add_problem(key, f"unknown key{hint}; known here: {', '.join(self._known)}")

    def add_problem(self, key: str, text: str) -> None:
        """Report a mistake of one key."""
        self.problems.append(((*self._path, key), text))
