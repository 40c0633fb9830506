"""Whether a policy is loaded elsewhere first, by a process that nobody would miss."""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum, auto
from hashlib import blake2b
from typing import Final, NamedTuple

REFUSED: Final = (
    "the policy can't be loaded: the processes that were to load it before the worker does have "
    "died of it, or never came to its end; the lines before say where"
)


class Advice(Enum):
    """What to do with a policy that has changed."""

    LOAD = auto()
    WAIT = auto()
    """somebody else has yet to come to the end of loading it"""
    REFUSE = auto()
    """who has loaded it has died"""


class Numbers(NamedTuple):
    """The numbers by which processes speak of a policy."""

    core: int
    """of its own files, which every process knows before it loads anything"""
    whole: int
    """of these and of the code files that its plugins have named, as far as they are known"""


class Rehearsal:
    """A host's side of it; this one has nobody who would go first."""

    alone = True
    """whether no other process loads the same policy"""
    serving = True
    """whether clients would miss this process"""

    def begin(self, policy: Numbers) -> None:
        """Note that this process loads a policy."""

    def survived(self, as_read: Numbers, as_loaded: Numbers) -> None:
        """Note that it has come to the end of that, whether the policy is any good or not.

        Args:
            as_read: the policy as it was known before.
            as_loaded: the same with the code files that its plugins have named meanwhile.
        """

    def stands_by(self) -> bool:
        """Say whether a worker tells this process of a change, and waits until it has loaded it."""
        return not (self.alone or self.serving)

    def advice(self, policy: Numbers) -> Advice:
        """Say whether to load a policy."""
        del policy
        return Advice.LOAD


def number_of(fingerprint: Hashable) -> int:
    """Give the number by which processes speak of a policy: never 0, and the same in all."""
    digest = blake2b(repr(fingerprint).encode("utf-8", "surrogateescape"), digest_size=8)
    return int.from_bytes(digest.digest()) or 1
