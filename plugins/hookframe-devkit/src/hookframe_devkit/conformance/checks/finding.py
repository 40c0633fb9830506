"""One finding, before its smallest attempt is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hookframe_devkit.conformance.probes.locations import NOWHERE, Location

if TYPE_CHECKING:
    from hookframe_devkit.conformance.checks.cases import Case


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that one call breaks.

    Args:
        rule: the rule.
        seen: what was seen, as text.
        place: the plugin's line.
        used: whether it needs a state that earlier calls have used.
        doing: the hook that ran.
        apart: distinguishes it from other findings of the same rule.
        locate: finds the line, if that takes a further call.
        ends: whether it ends the call early, so that nothing can be measured.
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
        """Whether it makes the attempt a temporary failure, with any state."""
        return (self.ends or self.rule == "invalid-return") and not self.used

    @property
    def key(self) -> tuple[object, ...]:
        """The identity of the fault, the same for every attempt."""
        return self.rule, self.doing, self.apart
