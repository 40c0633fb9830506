"""What the operator lays down for one plugin of the chain (CONTRACT 2.1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mode = Literal["enforce", "shadow"]
OnError = Literal["tempfail", "skip"]


@dataclass(frozen=True, slots=True)
class Policy:
    """One plugin's policy.

    Args:
        mode: "shadow" runs and checks the plugin, records what it would have done, and changes
            nothing.
        on_error: "skip" logs the plugin's error and goes on as if it had returned None.
        may: the actions that it may return besides normal; None for all.
        deadline: the longest time of one call, in seconds; None for no limit of its own.
    """

    mode: Mode = "enforce"
    on_error: OnError = "tempfail"
    may: frozenset[str] | None = None
    deadline: float | None = None

    @property
    def shadow(self) -> bool:
        """Whether the plugin changes nothing."""
        return self.mode == "shadow"

    @property
    def skips_errors(self) -> bool:
        """Whether the chain goes on after an error of this plugin."""
        return self.shadow or self.on_error == "skip"

    def allows(self, action: str) -> bool:
        """Say whether the plugin may return this action."""
        return self.may is None or action == "normal" or action in self.may
