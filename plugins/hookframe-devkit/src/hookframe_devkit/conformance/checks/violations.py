"""The violations of one plugin, without duplicates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookframe_devkit.conformance.result import Violation
from hookframe_devkit.conformance.rules import RULES

if TYPE_CHECKING:
    from hookframe_devkit.conformance.checks.cases import Case
    from hookframe_devkit.conformance.checks.finding import Finding


class Violations:
    """Collects violations."""

    def __init__(self) -> None:
        self._violations: dict[tuple[object, ...], Violation] = {}

    def add(self, violation: Violation) -> None:
        """Record a violation, unless it is known."""
        key = (violation.rule, violation.doing, violation.file, violation.line, violation.seen)
        self._violations.setdefault(key, violation)

    def add_finding(self, finding: Finding, case: Case, *, repeats: bool = True) -> None:
        """Record a finding of one case.

        Args:
            finding: the finding, with its line.
            case: the case.
            repeats: whether it happened again with this case.
        """
        file, line = finding.place
        self.add(
            Violation(
                rule=finding.rule,
                seen=finding.seen,
                doing=finding.doing,
                attempt=dict(case.attempt),
                decision=dict(case.decision),
                state="used" if finding.used else "empty",
                file=file,
                line=line,
                fails=finding.fails,
                repeats=repeats,
            )
        )

    def knows(self, rule: str, doing: str | None = None) -> bool:
        """Return whether a violation of a rule is recorded."""
        return any(
            each.rule == rule and doing in (None, each.doing) for each in self._violations.values()
        )

    def in_order(self) -> list[Violation]:
        """Return all violations in the order of their rules."""
        names = list(RULES)
        return sorted(self._violations.values(), key=lambda each: names.index(each.rule))
