"""What a rule may match: the attempt's keys, two domains made from them, and the MTA's own."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, get_type_hints

from hookframe import Attempt, ascii_domain

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Mapping

ATTEMPT_KEYS: Final[Mapping[str, type]] = MappingProxyType(get_type_hints(Attempt))
DOMAIN_KEYS: Final[Mapping[str, str]] = MappingProxyType(
    {"recipient_domain": "recipient", "sender_domain": "sender"}
)
FLAGS: Final = tuple(key for key, kind in ATTEMPT_KEYS.items() if kind is bool)
ABSENT: Final = None
"""What a further key counts as that the attempt lacks, or whose value no rule can name."""

Facts = dict[str, "Hashable"]
"""One attempt as rules compare it: the keys that some rule tests, each with a hashable value."""


def domain_of(address: str) -> str:
    """Cut the domain from an address, in the one spelling that rules are compared in.

    Args:
        address: an envelope address; the part before its last `@` may contain anything.

    Returns:
        What follows the last `@`, in lower case, with A-labels, and without the trailing dot of
        a fully qualified name (RFC 1035 3.1, RFC 4343); empty for an address without a domain.
    """
    return same_domain(address.rpartition("@")[2]) if "@" in address else ""


def same_domain(domain: str) -> str:
    """Spell a domain the one way in which two equal ones are equal strings, in ASCII."""
    return ascii_domain(domain).removesuffix(".")


def fact_of(value: object) -> Hashable:
    """Make a further key's value comparable: `1`, `1.0` and `true` are three different values."""
    if isinstance(value, str):
        return value
    return (type(value), value) if isinstance(value, (bool, int)) else ABSENT


class Reader(NamedTuple):
    """Reads out of an attempt what the rules of one table test, and nothing else."""

    plain: tuple[str, ...]
    domains: tuple[tuple[str, str], ...]
    further: tuple[str, ...]

    @classmethod
    def of(cls, keys: Iterable[str]) -> Reader:
        """Make the reader for the keys that some rule tests."""
        wanted = sorted(set(keys))
        return cls(
            tuple(key for key in wanted if key in ATTEMPT_KEYS),
            tuple((key, DOMAIN_KEYS[key]) for key in wanted if key in DOMAIN_KEYS),
            tuple(key for key in wanted if key not in ATTEMPT_KEYS and key not in DOMAIN_KEYS),
        )

    def read(self, attempt: Mapping[str, Any]) -> Facts:
        """Read one attempt."""
        facts: Facts = {key: attempt[key] for key in self.plain}
        for key, source in self.domains:
            facts[key] = domain_of(attempt[source])
        for key in self.further:
            facts[key] = fact_of(attempt.get(key))
        return facts
