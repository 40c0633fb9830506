"""One plugin checked, as hard as somebody wants."""

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


def verify(target: Target, effort: Effort) -> Result:
    """Check one plugin, in a process of its own.

    Args:
        target: the plugin.
        effort: how hard it is tried.
    """
    slow = effort.slow or target.slow or SLOW
    target = replace(target, settings=dict(target.settings))
    result = inspect(Job(target, effort.examples, effort.seed, slow), effort.patience)
    return msgspec.structs.replace(
        result,
        settings_from=target.settings_from,
        config=target.config,
        configured=bool(target.settings),
    )
