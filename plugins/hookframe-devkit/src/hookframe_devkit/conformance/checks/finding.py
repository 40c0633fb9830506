"""What one look at a plugin has seen, before it is known which attempt is the smallest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookframe_devkit.conformance.probes.locations import NOWHERE, Location

if TYPE_CHECKING:
    from hookframe_devkit.conformance.checks.cases import Case


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was seen.

    Args:
        rule: the rule that it breaks.
        seen: what was seen, in words.
        place: the plugin's line.
        used: whether it takes a state that earlier calls have used.
        doing: the hook that ran.
        apart: what tells it from other findings of the same rule.
        locate: finds the line, where that takes a further call.
        ends: whether the call does not come to its end by it, so that nothing can be measured.
    """

    rule: str
    seen: str
    place: Location = NOWHERE
    used: bool = False
    doing: str = "pre_delivery_attempt"
    apart: object = None
    locate: Callable[[Case], Location] | None = field(default=None, compare=False)
    ends: bool = False

    @property
    def fails(self) -> bool:
        """Whether the attempt is a temporary failure by it, whatever the state."""
        return (self.ends or self.rule == "invalid-return") and not self.used

    @property
    def key(self) -> tuple[object, ...]:
        """What two findings of one fault have in common, whatever the attempt."""
        return self.rule, self.doing, self.apart
