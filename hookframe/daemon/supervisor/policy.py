"""Policies as the supervisor knows them: their files, and what children report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from hookframe.daemon.channel import Settings

if TYPE_CHECKING:
    from hookframe.daemon.bundle import Bundle

GRACE: Final = 1.0
"""Seconds beyond the time that a load needs which it has while a newer change waits."""


@dataclass(eq=False, slots=True)
class Policy:
    """One load of a policy: being loaded, in use, or replaced.

    Args:
        number: its number in this daemon, from 1, if it comes into use.
        bundle: its files.
        asked_at: when the change was noticed, by the monotonic clock.
        settings: what its `hookframe.toml` sets for the daemon; None until a child has read it.
        digest: the digest of all that was loaded, versions of distributions included; empty until
            a child has loaded it.
        versions: the version of each distribution that was loaded.
        announcement: the log line of its chain.
        ends: how children ended while they loaded it, without a result.
    """

    number: int
    bundle: Bundle
    asked_at: float
    settings: Settings | None = None
    digest: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    announcement: str = ""
    ends: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a policy could not be loaded.

    Args:
        text: the errors, for the log.
        bundle: its files, with those that it has looked for.
    """

    text: str
    bundle: Bundle
