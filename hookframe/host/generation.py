"""One generation: a chain built from one reading of the policy, and its state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookframe.chain.chain import Chain, Observer
from hookframe.config.model import Config
from hookframe.plugins.plugin import Plugin

if TYPE_CHECKING:
    from hookframe.api.hookspecs import State


@dataclass(frozen=True, slots=True)
class Generation:
    """A chain with its configuration and state, swapped in and out as one.

    Args:
        number: the number of the generation in its host, from 1.
        config: its configuration.
        chain: the chain.
        state: the dict that its plugins share; discarded with the generation.
    """

    number: int
    config: Config
    chain: Chain
    state: State = field(default_factory=dict)

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """Its plugins, in the configured order."""
        return self.chain.plugins

    @property
    def observers(self) -> tuple[Observer, ...]:
        """Its plugins that implement `decided`, each with that hook."""
        return self.chain.observers

    @property
    def longest(self) -> float | None:
        """The longest legal time of one attempt in seconds; None for no limit."""
        deadline = self.config.deadline
        return None if deadline is None else deadline * (1 + len(self.observers))

    def uses(self, plugin: Plugin) -> bool:
        """Return whether a plugin's object is in this chain."""
        return has(self.plugins, plugin)


def has(plugins: Sequence[Plugin], wanted: Plugin) -> bool:
    """Return whether a plugin's object is among those of other plugins."""
    return any(plugin.subject is wanted.subject for plugin in plugins)
