"""What can happen in an attempt besides its decision: failures by kind, and votes of shadows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hookframe.api.errors import DeadlineExceeded, InvalidDecision, Origin, PluginError

if TYPE_CHECKING:
    from hookframe.api.decision import Decision

HOOK: Final = "pre_delivery_attempt_hook"
"""The name under which the log speaks of the chain, as the original contract does."""
EXCEPTION: Final = "exception"
INVALID_RETURN: Final = "invalid_return"
DEADLINE: Final = "deadline"
LOAD_ERROR: Final = "load_error"
MALFORMED: Final = "malformed"
NO_WORKER: Final = "no_worker"
KINDS: Final = (EXCEPTION, INVALID_RETURN, DEADLINE, LOAD_ERROR, MALFORMED, NO_WORKER)
"""The kinds of temporary failures: in a hook, of the policy, of the request, of the daemon."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error in one attempt; the chain went on if the plugin's policy says so."""

    error: PluginError
    skipped: bool

    @property
    def kind(self) -> str:
        """What kind of error it is, as statistics count them."""
        cause = type(self.error.cause)  # isinstance would ask a plugin's error for its class
        if cause is InvalidDecision:
            return INVALID_RETURN
        return DEADLINE if cause is DeadlineExceeded else EXCEPTION


@dataclass(frozen=True, slots=True)
class ShadowVote:
    """What a plugin in shadow mode would have decided."""

    origin: Origin
    decision: Decision
