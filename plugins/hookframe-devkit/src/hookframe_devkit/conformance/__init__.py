"""The conformance check: whether a plugin keeps the rules of docs/plugins/verify.md."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from hookframe_devkit.conformance.checks.cases import EXAMPLES


def conformance(
    subject: str | Path,
    *,
    settings: Mapping[str, Any] | None = None,
    examples: int = EXAMPLES,
    seed: int = 0,
    slow: float | None = None,
) -> None:
    """Check that a plugin keeps the rules, as `hookframe verify` does; for tests.

    Args:
        subject: the name of an installed plugin, or the path of a hook file or of a directory,
            whose plugins are all checked.
        settings: its settings; None for the table `[tool.hookframe.verify.NAME]` in the
            `pyproject.toml` of its directory, or of the working directory for a name.
        examples: how many attempts are generated.
        seed: the seed of generated attempts.
        slow: the longest time of a call, in multiples of the reference; None for the value of that
            table, or the default.

    Raises:
        AssertionError: it breaks rules; the text lists them, each with its smallest attempt.
        NoTarget: there is no such plugin, file or directory.
    """
    # These imports are slow, and hookframe.testing has more than this function.
    from hookframe_devkit.conformance.report import text_of  # noqa: PLC0415
    from hookframe_devkit.conformance.runner import Effort, verify  # noqa: PLC0415
    from hookframe_devkit.conformance.targets import find_targets  # noqa: PLC0415

    effort = Effort(examples, seed, slow)
    found = find_targets(subject)
    if settings is not None:
        found = [
            replace(each, settings=settings, settings_from="passed by the test") for each in found
        ]
    results = [verify(each, effort) for each in found]
    broken = [result for result in results if not result.ok]
    if broken:
        raise AssertionError("\n".join(text_of(result, seed) for result in broken))
