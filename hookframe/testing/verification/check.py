"""The check as a function: what `hookframe verify` calls, and what a test calls."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from hookframe.errors import HookframeError
from hookframe.testing.verification.inspection import Job
from hookframe.testing.verification.process import HANGS, inspect
from hookframe.testing.verification.report import text_of
from hookframe.testing.verification.subjects import SLOW, Subject, find_subjects
from hookframe.testing.verification.verdict import Verdict

EXAMPLES: Final = 2000
"""How many attempts are generated where nobody says otherwise."""


class HypothesisMissing(HookframeError):
    """hypothesis, which generates the attempts, is not installed; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Effort:
    """How hard a plugin is tried.

    Args:
        examples: how many attempts are generated.
        seed: what they depend on: the same seed, the same attempts.
        slow: how many times the reference a call may take; None for what the plugin's own
            directory says, or the usual.
        patience: seconds without progress after which a plugin hangs.
    """

    examples: int = EXAMPLES
    seed: int = 0
    slow: float | None = None
    patience: float = HANGS


def verify(subject: Subject, effort: Effort) -> Verdict:
    """Check one plugin, in a process of its own.

    Args:
        subject: the plugin.
        effort: how hard it is tried.

    Raises:
        HypothesisMissing: hypothesis is not installed.
    """
    if importlib.util.find_spec("hypothesis") is None:
        raise HypothesisMissing(
            "to verify a plugin takes hypothesis, which generates the attempts: "
            "pip install 'hookframe[testing]'"
        )
    slow = effort.slow or subject.slow or SLOW
    return inspect(Job(subject, effort.examples, effort.seed, slow), effort.patience)


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
        settings: what it is configured with; None for what the `pyproject.toml` of its directory
            says in `[tool.hookframe.verify.NAME]`.
        examples: how many attempts are generated.
        seed: what they depend on: the same seed, the same attempts.
        slow: how many times the reference a call may take; None for what the directory says, or
            the usual.

    Raises:
        AssertionError: it breaks rules; the text lists them, with the smallest attempt of each.
        NoSubject: there is no such plugin, file or directory.
        HypothesisMissing: hypothesis is not installed.
    """
    effort = Effort(examples, seed, slow)
    found = find_subjects(subject)
    if settings is not None:
        found = [replace(each, settings=settings) for each in found]
    verdicts = [verify(each, effort) for each in found]
    broken = [verdict for verdict in verdicts if not verdict.ok]
    if broken:
        raise AssertionError("\n".join(text_of(verdict, seed) for verdict in broken))
