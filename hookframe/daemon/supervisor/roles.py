"""The children of the supervisor: their roles, and what the plan knows of each."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from hookframe.daemon.supervisor.policy import Policy


class Role(StrEnum):
    """The purpose of a child."""

    LOADING = "loading"
    STANDBY = "standby"
    WORKER = "worker"
    LEAVING = "leaving"
    FALLBACK = "stand-in"
    OBSERVER = "observer"

    @property
    def noun(self) -> str:
        """Its name in a sentence."""
        return f"{self} process" if self in (Role.LOADING, Role.LEAVING) else str(self)


class Member(Protocol):
    """A child, as the plan sees it. Times are seconds of the monotonic clock."""

    role: Role
    policy: Policy | None
    """the policy that it loads or has loaded; None for the fallback and the observer"""
    born: float
    since: float
    """when its current role began"""
    serving: bool
    """whether it accepts connections"""
    killed: bool
    """whether it was killed; it may not have ended yet"""

    @property
    def lost(self) -> bool:
        """Whether its channel is closed."""

    @property
    def answered_at(self) -> float:
        """When it was seen last to answer a request."""


def healthy(member: Member) -> bool:
    """Return whether a child can still be of use."""
    return not (member.killed or member.lost)
