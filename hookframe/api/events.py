"""Events of an attempt besides its decision: failures by kind, and votes in shadow mode."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from hookframe.api.errors import DeadlineExceeded, InvalidDecision, Origin, PluginError

if TYPE_CHECKING:
    from hookframe.api.decision import Decision

HOOK: Final = "pre_delivery_attempt_hook"
"""The name of the chain in the log, as in the original contract."""
EXCEPTION: Final = "exception"
INVALID_RETURN: Final = "invalid_return"
DEADLINE: Final = "deadline"
LOAD_ERROR: Final = "load_error"
MALFORMED: Final = "malformed"
NO_WORKER: Final = "no_worker"
INTERNAL: Final = "internal"
KINDS: Final = (EXCEPTION, INVALID_RETURN, DEADLINE, LOAD_ERROR, MALFORMED, NO_WORKER, INTERNAL)
"""The kinds of temporary failures: in a hook, the policy, the request, the daemon or hookframe."""


@dataclass(frozen=True, slots=True)
class Failure:
    """An error in one attempt; `skipped` if the plugin's policy let the chain go on."""

    error: PluginError
    skipped: bool

    @property
    def kind(self) -> str:
        """The kind of the error, as statistics count it."""
        cause = type(self.error.cause)  # isinstance would run a plugin's `__class__`
        if cause is InvalidDecision:
            return INVALID_RETURN
        return DEADLINE if cause is DeadlineExceeded else EXCEPTION


@dataclass(frozen=True, slots=True)
class ShadowVote:
    """The decision that a plugin in shadow mode would have made."""

    origin: Origin
    decision: Decision
    reason: str = ""
    """why, in the plugin's words; empty without one"""
    of: str | None = None
    """the member with which it is compared; None without one"""
    other: Decision | None = None
    """that member's vote, a different one"""
