"""The `hookframe decide` command that reproduces a violation."""

from __future__ import annotations

import json
from shlex import quote
from typing import TYPE_CHECKING, Any

from hookframe.config.entries import FILE
from hookframe.testing.samples import make_attempt
from hookframe_devkit.conformance.checks.cases import differences

if TYPE_CHECKING:
    from hookframe_devkit.conformance.result import Result, Violation


def command_for(violation: Violation, result: Result) -> str:
    """Format the command line that reproduces a violation.

    Returns:
        The line; empty if no single command can reproduce it.
    """
    attempt = violation.attempt
    if (
        attempt is None
        or not violation.fails
        or violation.rule == "blocks"
        or violation.doing != "pre_delivery_attempt"
        or violation.decision != {"action": "normal"}
        or (result.configured and result.config is None)
    ):
        return ""
    policy = _policy(result)
    different = differences(attempt)
    if all(_fits(key, each) for key, each in different.items()):
        pairs = [f" {key}={_spelled(each)}" for key, each in different.items()]
        return f"hookframe decide{policy}{''.join(pairs)}"
    return f"printf '%s\\n' {quote(json.dumps(attempt))} | hookframe decide{policy}"


def _policy(result: Result) -> str:
    if result.config is not None:
        return f" --config {quote(result.config)}"
    if result.plugin == FILE:
        return f" --hook-file {quote(result.distribution)}"
    return f" --plugin {quote(result.plugin)}"


def _fits(key: str, value: Any) -> bool:
    """Return whether `hookframe decide` accepts a key and its value as an argument."""
    usual: dict[str, Any] = dict(make_attempt())
    if key not in usual:
        return key.isidentifier() and isinstance(value, str) and value.isprintable()
    if isinstance(value, str):
        return value.isprintable()
    return isinstance(value, bool) or abs(value) < 10**18


def _spelled(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return quote(str(value)) if value != "" else ""
