"""Rehearsal of a policy: another process, without clients, may load it first."""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum, auto
from hashlib import blake2b
from typing import Final, NamedTuple

REFUSED: Final = "policy rejected: loading it crashed or hung two processes; see the errors above"


class Advice(Enum):
    """Advice about a changed policy."""

    LOAD = auto()
    WAIT = auto()
    """another process is still loading it"""
    REFUSE = auto()
    """every process that loaded it crashed"""


class Numbers(NamedTuple):
    """The numbers that identify a policy between processes."""

    core: int
    """of the configuration and the hook file, known before it is loaded"""
    whole: int
    """of these and of its plugins' code files, as far as known"""


class Rehearsal:
    """A host without a rehearsal; the base of one with other processes."""

    serving = True
    """whether this process serves clients"""

    def begin(self, policy: Numbers) -> None:
        """Record that this process starts to load a policy."""

    def survived(self, as_read: Numbers, as_loaded: Numbers) -> None:
        """Record that this process survived loading it, valid or not.

        Args:
            as_read: the policy before it was loaded.
            as_loaded: the same with its plugins' code files.
        """

    def advice(self, policy: Numbers) -> Advice:
        """Return whether to load a policy."""
        del policy
        return Advice.LOAD


def number_of(fingerprint: Hashable) -> int:
    """Return the number that identifies a policy in all processes; never 0."""
    digest = blake2b(repr(fingerprint).encode("utf-8", "surrogateescape"), digest_size=8)
    return int.from_bytes(digest.digest()) or 1
