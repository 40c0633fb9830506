"""What a check has found, as values that cross from the child process to whoever asked."""

from __future__ import annotations

from typing import Any

import msgspec

from hookframe_devkit.conformance.rules import RULES


class Violation(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that a plugin breaks.

    Args:
        rule: its name, a key of `RULES`.
        seen: what was seen.
        doing: the hook that ran, or another moment of the plugin's life.
        attempt: the smallest attempt that shows it; None where no attempt matters.
        decision: what the plugins before it had decided, in that attempt.
        state: "empty", or "used" where only a state shows it that earlier calls have used.
        file: the plugin's file that is at fault; empty where that is unknown.
        line: its line; 0 where that is unknown.
        fails: whether that attempt is a temporary failure by it, as `hookframe decide` would show.
        repeats: whether it happened again when the same attempt was tried again.
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
        """What the rule expects."""
        return RULES[self.rule]


class Tried(msgspec.Struct, kw_only=True):
    """What a plugin has been put through.

    Args:
        attempts: how many attempts, generated ones and fixed ones.
        decisions: how many different accumulated decisions it was asked with.
        calls: how many calls that took.
        times: how many times the reference a call takes, with the attempt that takes longest; 0
            where it was not measured.
        slow: how many times it may take.
        generations: how many times it was configured.
        left_out: checks that could not be made, each with the reason.
    """

    attempts: int = 0
    decisions: int = 0
    calls: int = 0
    times: float = 0.0
    slow: float = 0.0
    generations: int = 0
    left_out: list[str] = []


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """All that was found out about one plugin.

    Args:
        plugin: its name in a chain; "file" for a hook file.
        distribution: its distribution, or the path of the hook file.
        version: the distribution's version; empty for a hook file.
        wrapper: whether it surrounds the chain.
        pure: whether it says that equal input gives an equal return.
        violations: every rule that it breaks, in the order of `RULES`.
        tried: what it has been put through.
        settings_from: where its settings are from, in words.
        config: the configuration that they are from; None for any other source.
        configured: whether there are any.
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
        """The plugin in words."""
        origin = f"{self.distribution} {self.version}".strip()
        return f"{self.plugin} ({origin})" if origin else self.plugin
