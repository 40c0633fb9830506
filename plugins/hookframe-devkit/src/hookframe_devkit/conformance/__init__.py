"""The conformance check: whether a plugin keeps the rules; docs/plugins/verify.md says which."""

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
        subject: the name of an installed plugin, or the path of a hook file or of a directory, in
            which everything is checked.
        settings: what it is configured with; None for the table `[tool.hookframe.verify.NAME]` in
            the `pyproject.toml` of its directory, or of the working directory for a name.
        examples: how many attempts are generated.
        seed: what they depend on: the same seed, the same attempts.
        slow: how many times the reference a call may take; None for what the directory says, or
            the usual.

    Raises:
        AssertionError: it breaks rules; the text lists them, with the smallest attempt of each.
        NoTarget: there is no such plugin, file or directory.
    """
    # Loaded when it is used: whoever imports hookframe.testing may want something else of it.
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
