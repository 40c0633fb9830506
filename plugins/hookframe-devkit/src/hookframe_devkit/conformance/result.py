"""The result of a check, as values that the child process sends to its parent."""

from __future__ import annotations

from typing import Any

import msgspec

from hookframe_devkit.conformance.rules import RULES


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that a plugin breaks.

    Args:
        rule: its name, a key of `RULES`.
        seen: what was seen.
        doing: the hook that ran, or another phase of the plugin's life.
        attempt: the smallest attempt that causes it; None where no attempt matters.
        decision: the accumulated decision before the plugin, in that attempt.
        state: "empty", or "used" if only a state used by earlier calls causes it.
        file: the file of the plugin that causes it, if known.
        line: its line; 0 if unknown.
        fails: whether it makes that attempt a temporary failure, as `hookframe decide` would show.
        repeats: whether it happened again with the same attempt.
    """

    rule: str
    seen: str
    doing: str = "pre_delivery_attempt"
    attempt: dict[str, Any] | None = None
    decision: dict[str, Any] | None = None
    state: str = "empty"
    file: str = ""
    line: int = 0
    fails: bool = False
    repeats: bool = True

    @property
    def expected(self) -> str:
        """The expectation of the rule."""
        return RULES[self.rule]


class Tried(msgspec.Struct, kw_only=True):
    """The extent of a check.

    Args:
        attempts: the number of attempts, generated and fixed.
        decisions: the number of different accumulated decisions before the plugin.
        calls: the number of calls.
        times: the time of the slowest attempt, in multiples of the reference; 0 if not measured.
        slow: the allowed multiple.
        generations: how many times it was configured.
        left_out: checks that were skipped, each with the reason.
    """

    attempts: int = 0
    decisions: int = 0
    calls: int = 0
    times: float = 0.0
    slow: float = 0.0
    generations: int = 0
    left_out: list[str] = []


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """The result of checking one plugin.

    Args:
        plugin: its name in a chain; "file" for a hook file.
        distribution: its distribution, or the path of the hook file.
        version: the distribution's version; empty for a hook file.
        wrapper: whether it is a wrapper.
        pure: whether it declares itself pure.
        violations: every violation, in the order of `RULES`.
        tried: the extent of the check.
        settings_from: the source of its settings, as text.
        config: the configuration that has them; None for any other source.
        configured: whether it has settings.
    """

    plugin: str
    distribution: str = ""
    version: str = ""
    wrapper: bool = False
    pure: bool = False
    violations: list[Violation] = []
    tried: Tried = msgspec.field(default_factory=Tried)
    settings_from: str = ""
    config: str | None = None
    configured: bool = False

    @property
    def ok(self) -> bool:
        """Whether it breaks no rule."""
        return not self.violations

    @property
    def subject(self) -> str:
        """The plugin and its distribution, as text."""
        origin = f"{self.distribution} {self.version}".strip()
        return f"{self.plugin} ({origin})" if origin else self.plugin
