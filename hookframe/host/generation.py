"""One generation: the chain that was built from one reading of the policy, and its state."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookframe.chain.chain import Chain
from hookframe.config.model import Config
from hookframe.plugins.plugin import Plugin

if TYPE_CHECKING:
    from hookframe.api.hookspecs import State

Observer = tuple[Plugin, Callable[..., object]]


@dataclass(frozen=True, slots=True)
class Generation:
    """A chain that was built as a whole, and is swapped in and out as a whole.

    Args:
        number: counts the generations of a host, from 1.
        config: what it was built from.
        chain: the compiled chain.
        state: the dict that all its plugins share; it is discarded with the generation.
    """

    number: int
    config: Config
    chain: Chain
    state: State = field(default_factory=dict)

    @property
    def plugins(self) -> tuple[Plugin, ...]:
        """Its plugins, in the operator's order."""
        return self.chain.plugins

    @property
    def observers(self) -> tuple[Observer, ...]:
        """Its plugins that implement `decided`, each with that hook."""
        return tuple(
            (plugin, plugin.decided) for plugin in self.plugins if plugin.decided is not None
        )

    @property
    def longest(self) -> float | None:
        """The longest legal time of one attempt in seconds; None for no limit."""
        deadline = self.config.deadline
        return None if deadline is None else deadline * (1 + len(self.observers))

    def uses(self, plugin: Plugin) -> bool:
        """Say whether a plugin's object is in this chain."""
        return has(self.plugins, plugin)


def has(plugins: Sequence[Plugin], wanted: Plugin) -> bool:
    """Say whether the object of a plugin is among those of others."""
    return any(plugin.subject is wanted.subject for plugin in plugins)
