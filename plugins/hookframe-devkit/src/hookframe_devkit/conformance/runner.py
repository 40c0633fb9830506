"""Checks one plugin with a given effort."""

from __future__ import annotations

from dataclasses import dataclass, replace

import msgspec

from hookframe_devkit.conformance.checks.cases import EXAMPLES
from hookframe_devkit.conformance.checks.session import Job
from hookframe_devkit.conformance.parent import HANGS, inspect
from hookframe_devkit.conformance.result import Result
from hookframe_devkit.conformance.targets import SLOW, Target


@dataclass(frozen=True, slots=True)
class Effort:
    """The effort of a check.

    Args:
        examples: how many attempts are generated.
        seed: the seed of generated attempts.
        slow: the longest time of a call, in multiples of the reference; None for the value of the
            project, or the default.
        patience: seconds without progress after which a plugin counts as hanging.
    """

    examples: int = EXAMPLES
    seed: int = 0
    slow: float | None = None
    patience: float = HANGS


def verify(target: Target, effort: Effort) -> Result:
    """Check one plugin in a separate process."""
    slow = effort.slow or target.slow or SLOW
    target = replace(target, settings=dict(target.settings))
    result = inspect(Job(target, effort.examples, effort.seed, slow), effort.patience)
    return msgspec.structs.replace(
        result,
        settings_from=target.settings_from,
        config=target.config,
        configured=bool(target.settings),
    )
