"""The plugin: gives what the first matching rule gives."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Protocol, cast

from hookframe import hookimpl
from hookframe_routing.load import load_table
from hookframe_routing.problems import Problem, RoutingError
from hookframe_routing.rulefile import RuleFile
from hookframe_routing.settings import Settings, read_settings

if TYPE_CHECKING:
    from hookframe import Attempt, Decision
    from hookframe_routing.table import Table


class _Source(Protocol):
    """Where the table comes from."""

    def table(self) -> Table: ...
    def refresh(self) -> None: ...


class Routing:
    """Routes attempts by an ordered table of rules, of which the first that matches decides."""

    hookframe_api_version = 1

    def __init__(self) -> None:
        self._given: dict[str, Any] | None = None
        self._source: _Source | None = None
        self._refused: tuple[dict[str, Any], _Source] | None = None

    @hookimpl
    def configure(self, settings: dict[str, Any], directory: str | None = None) -> None:
        """Take the settings, and load the rules unless neither they nor their file have changed.

        Args:
            settings: the table `[plugins.routing.settings]`; see `Settings`.
            directory: the directory to which a relative path is relative; None refuses one.

        Raises:
            RoutingError: settings or rules are wrong; the text lists every mistake. What was
                configured before stays in force.
        """
        if self._source is not None and settings == self._given:
            self._source.refresh()
            return
        # A host tries again and again what was refused: a wrong file that stays as it is should
        # cost it no more than a look.
        if self._refused is None or settings != self._refused[0]:
            self._refused = deepcopy(settings), _source(read_settings(settings, directory))
        self._refused[1].refresh()
        (self._given, self._source), self._refused = self._refused, None

    @hookimpl
    def pre_delivery_attempt(self, attempt: Attempt) -> Decision | None:
        """Find the first rule that matches.

        Args:
            attempt: the attempt.

        Returns:
            A decision of its own, with the rule as its reason, or None where no rule matches, or an
            exception does.

        Raises:
            RoutingError: the rule file is missing or wrong: until it is mended, every attempt
                fails.
        """
        if self._source is None:
            raise RoutingError([Problem("", "there are no rules yet: call configure first")])
        rule = self._source.table().first_match(attempt)
        if rule is None or rule.decision is None:
            return None
        return cast("Decision", {**rule.decision, "reason": str(rule)})

    @hookimpl
    def close(self) -> None:
        """Let go of the table, which may be large."""
        self._given = self._source = self._refused = None


class _Inline:
    """Rules that stand in the settings, and so change with them only."""

    def __init__(self, table: Table) -> None:
        self._table = table

    def table(self) -> Table:
        return self._table

    def refresh(self) -> None:
        """Do nothing: equal settings are equal rules."""


def _source(settings: Settings) -> _Source:
    if settings.file is not None:
        return RuleFile(settings.file, settings.further, settings.seconds)
    return _Inline(load_table(settings.rule or [], settings.further))
