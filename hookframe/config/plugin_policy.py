"""The policy for one plugin: mode, errors, allowed actions and deadline (CONTRACT 2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Mode = Literal["enforce", "shadow", "off"]
OnError = Literal["tempfail", "skip"]


@dataclass(frozen=True, slots=True)
class Policy:
    """The administrator's policy for one plugin.

    Args:
        mode: "shadow" calls the plugin, checks its decision and logs it, but does not apply it;
            "off" does not load it.
        on_error: "skip" logs the plugin's error and continues as if it had returned None.
        may: the actions that it may return besides normal; None for all.
        deadline: the longest time of one call in seconds; None for the deadline of the chain only.
        shadow_of: the member with whose decisions those of a plugin in shadow mode are compared;
            None to log each of them.
    """

    mode: Mode = "enforce"
    on_error: OnError = "tempfail"
    may: frozenset[str] | None = None
    deadline: float | None = None
    shadow_of: str | None = None

    @property
    def shadow(self) -> bool:
        """Whether the plugin's decisions are logged but not applied."""
        return self.mode == "shadow"

    @property
    def skips_errors(self) -> bool:
        """Whether the chain continues after an error of this plugin."""
        return self.shadow or self.on_error == "skip"

    def allows(self, action: str) -> bool:
        """Return whether the plugin may return this action."""
        return self.may is None or action == "normal" or action in self.may
