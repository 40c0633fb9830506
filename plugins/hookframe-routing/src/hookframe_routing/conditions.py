"""Conditions: what the value of one key must be, and which condition includes which."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fnmatch import translate
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

_SPECIAL: Final = re.compile(r"[*?\[]")


class Values(msgspec.Struct, frozen=True, gc=False):
    """The key must have one of these values, exactly."""

    allowed: frozenset[Hashable]

    def holds(self, fact: Hashable) -> bool:
        """Say whether a value meets the condition."""
        return fact in self.allowed

    def covers(self, other: Condition | None) -> bool:
        """Say whether every value that meets the other condition meets this one too."""
        return isinstance(other, Values) and other.allowed <= self.allowed


class Patterns(msgspec.Struct, frozen=True, gc=False):
    """The key must match one of these patterns, from its first character to its last.

    Args:
        texts: the patterns as written, with their form; equal ones match equally.
        starts: what globs like `news-*` come to.
        ends: what globs like `*.example.com` come to: the usual ones, thirty times as fast.
        others: all other patterns in one, None where there are none.
    """

    texts: frozenset[tuple[str, str]]
    starts: tuple[str, ...] = ()
    ends: tuple[str, ...] = ()
    others: re.Pattern[str] | None = None

    @classmethod
    def of_globs(cls, globs: Iterable[str]) -> Patterns:
        """Make the condition that a value matches one of these globs."""
        spelled = sorted(set(globs))
        starts = tuple(g[:-1] for g in spelled if g[-1:] == "*" and not _SPECIAL.search(g[:-1]))
        ends = tuple(g[1:] for g in spelled if g[:1] == "*" and not _SPECIAL.search(g[1:]))
        simple = {f"{start}*" for start in starts} | {f"*{end}" for end in ends}
        others = [translate(glob) for glob in spelled if glob not in simple]
        compiled = re.compile("|".join(others)) if others else None
        return cls(frozenset(("glob", glob) for glob in spelled), starts, ends, compiled)

    @classmethod
    def of_regex(cls, text: str, flags: re.RegexFlag) -> Patterns:
        """Make the condition that a value matches a regular expression, from end to end.

        Raises:
            re.error: it is no regular expression; RecursionError, OverflowError: nor a sane one.
        """
        return cls(frozenset({("regex", text)}), others=re.compile(text, flags))

    def holds(self, fact: Hashable) -> bool:
        """Say whether a value meets the condition; one that is not a string never does."""
        if not isinstance(fact, str):
            return False
        if self.ends and fact.endswith(self.ends):
            return True
        if self.starts and fact.startswith(self.starts):
            return True
        return self.others is not None and self.others.fullmatch(fact) is not None

    def covers(self, other: Condition | None) -> bool:
        """Say whether every value that meets the other condition provably meets this one too."""
        if isinstance(other, Patterns):
            return other.texts <= self.texts
        return isinstance(other, Values) and all(map(self.holds, other.allowed))

    @property
    def matches_all(self) -> bool:
        """Whether a pattern is there that plainly matches every string."""
        return "" in self.starts or "" in self.ends or ("regex", ".*") in self.texts


Condition = Values | Patterns
Conditions = Mapping[str, Condition]
