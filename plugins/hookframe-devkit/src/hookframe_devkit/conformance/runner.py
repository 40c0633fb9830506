"""One plugin checked, as hard as somebody wants."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, replace

from hookframe.errors import HookframeError
from hookframe.testing.verification.cases import EXAMPLES
from hookframe.testing.verification.inspection import Job
from hookframe.testing.verification.process import HANGS, inspect
from hookframe.testing.verification.subjects import SLOW, Subject
from hookframe.testing.verification.verdict import Verdict


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
    subject = replace(subject, settings=dict(subject.settings))
    return inspect(Job(subject, effort.examples, effort.seed, slow), effort.patience)
