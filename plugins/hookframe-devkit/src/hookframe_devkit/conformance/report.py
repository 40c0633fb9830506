"""Results as text and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from hookframe._text import one_line
from hookframe_devkit.conformance.checks.cases import differences
from hookframe_devkit.conformance.reproduce import command_for

if TYPE_CHECKING:
    from hookframe_devkit.conformance.result import Result, Tried, Violation


def text_of(result: Result, seed: int) -> str:
    """Format the result of one plugin as lines.

    Args:
        result: the result.
        seed: the seed of generated attempts.
    """
    count = len(result.violations)
    outcome = "keeps the rules" if result.ok else f"{count} violation{'s' * (count != 1)}"
    lines = [f"{'ok' if result.ok else 'not ok'}: {result.subject}: {outcome}"]
    for violation in result.violations:
        lines += _violation(violation, result)
    lines += [f"  settings: {result.settings_from}"]
    lines += [f"  tried: {_tried(result.tried, seed)}"] if result.tried.calls else []
    lines += [f"  not tried: {each}" for each in result.tried.left_out]
    return "\n".join(map(one_line, lines))


def format_json(results: Sequence[Result], seed: int) -> dict[str, Any]:
    """Convert all results to values of JSON.

    Args:
        results: one for each plugin.
        seed: the seed of generated attempts.
    """
    return {
        "ok": all(result.ok for result in results),
        "seed": seed,
        "plugins": [_as_json(result) for result in results],
    }


def _as_json(result: Result) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(result)
    for form, violation in zip(plain["violations"], result.violations, strict=True):
        form["expected"] = violation.expected
        form["command"] = command_for(violation, result) or None
        form["file"], form["line"] = violation.file or None, violation.line or None
    del plain["config"], plain["configured"]
    return {"ok": result.ok, **plain}


def _violation(violation: Violation, result: Result) -> Iterator[str]:
    when = "while loading" if violation.doing == "load" else f"in {violation.doing}"
    hook = "" if violation.doing == "pre_delivery_attempt" else f" ({when})"
    yield f"  {violation.rule}{hook}: {violation.seen}"
    where = f"{violation.file} line {violation.line}" if violation.line else violation.file
    if where and f" at {where}" not in violation.seen:
        yield f"    at: {where}"
    yield f"    expected: {violation.expected}"
    if violation.attempt is not None:
        yield f"    attempt: {_attempt(violation.attempt)}"
        yield from _circumstances(violation)
    command = command_for(violation, result)
    if command:
        yield f"    again: {command}"


def _circumstances(violation: Violation) -> Iterator[str]:
    if violation.decision not in (None, {"action": "normal"}):
        yield f"    after: {json.dumps(violation.decision)}"
    if violation.state == "used":
        yield "    state: as left by earlier calls"
    if not violation.repeats:
        yield "    it did not happen again with this attempt: it depends on earlier calls"


def _attempt(attempt: dict[str, Any]) -> str:
    """Format the keys of an attempt that differ from the usual one."""
    different = [
        f"{key if key.isidentifier() else json.dumps(key)}={json.dumps(value)}"
        for key, value in differences(attempt).items()
    ]
    return " ".join(different) if different else "the usual one"


def _tried(tried: Tried, seed: int) -> str:
    times = f"; a call takes {tried.times:.1f} times the reference at most" if tried.times else ""
    return (
        f"{tried.attempts:,} attempts, {tried.decisions} accumulated decisions, "
        f"{tried.calls:,} calls, {tried.generations} generations, seed {seed}{times}"
    )
