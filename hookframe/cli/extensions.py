"""Commands of other distributions: found by entry point, imported when used.

The group is `hookframe.commands`; each entry point names a click command.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

import click

from hookframe.log.exceptions import describe
from hookframe.plugins.entry_points import EntryPoint, find_entry_points

GROUP: Final = "hookframe.commands"


@dataclass(frozen=True, slots=True)
class Extension:
    """A command of another distribution, from its metadata; it is not imported yet."""

    name: str
    distribution: str
    version: str
    entry_point: EntryPoint

    @property
    def origin(self) -> str:
        """The distribution and its version."""
        return f"{self.distribution} {self.version}"

    def load(self) -> click.Command:
        """Import the command.

        Raises:
            click.ClickException: it can't be imported, or is not a command.
        """
        try:
            found = self.entry_point.load()
        except (Exception, SystemExit) as error:
            raise click.ClickException(
                f"the command {self.name!r} of {self.origin} can't be imported from "
                f"{self.entry_point.value!r}: {describe(error)}"
            ) from error
        if not isinstance(found, click.Command):
            raise click.ClickException(
                f"the command {self.name!r} of {self.origin} is not a command: "
                f"{self.entry_point.value!r} is a {type(found).__name__}, where a click.Command "
                "or a click.Group was expected; its author must fix the entry point"
            )
        return found


class Extensions:
    """All commands of other distributions.

    Args:
        found: the commands.
        reserved: each reserved name, with the only distribution that may define it; None for
            hookframe's own commands.
    """

    def __init__(self, found: Collection[Extension], reserved: Mapping[str, str | None]) -> None:
        ordered = sorted(found, key=lambda each: (each.name, each.distribution))
        self.refused = tuple(
            each
            for each in ordered
            if reserved.get(each.name, each.distribution) != each.distribution
        )
        """those whose name is reserved"""
        self._by_name: dict[str, list[Extension]] = {}
        for each in ordered:
            if each not in self.refused:
                self._by_name.setdefault(each.name, []).append(each)

    @classmethod
    def scan(cls, reserved: Mapping[str, str | None]) -> Extensions:
        """Read the metadata of all installed distributions."""
        found = find_entry_points(GROUP)
        return cls(
            [Extension(x.name, x.distribution, x.version, x.entry_point) for x in found], reserved
        )

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all commands, sorted."""
        return tuple(self._by_name)

    def rows(self) -> list[tuple[str, str]]:
        """Return each command with its distributions, for the help."""
        return [
            (name, ", ".join(each.origin for each in claims))
            for name, claims in self._by_name.items()
        ]

    def command(self, name: str) -> click.Command | None:
        """Import a command; None if there is none of this name.

        Raises:
            click.ClickException: two distributions claim the name, or it can't be imported.
        """
        claims = self._by_name.get(name, [])
        if not claims:
            return None
        if len(claims) > 1:
            raise click.ClickException(
                f"{len(claims)} installed distributions claim the command {name!r}: "
                f"{' and '.join(each.origin for each in claims)}; uninstall all but one"
            )
        return claims[0].load()

    def notes(self) -> list[str]:
        """Describe each command that is ignored because its name is reserved."""
        return [
            f"{each.origin} defines the command {each.name!r}, which is reserved: it is ignored, "
            "and its author must rename it"
            for each in self.refused
        ]
