"""Rules that can never be reached, because earlier ones match all that they match."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from hookframe_routing.conditions import Patterns, Values
from hookframe_routing.index import Place, Popularity, filing_keys, places, popularity
from hookframe_routing.keys import FLAGS
from hookframe_routing.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from hookframe_routing.conditions import Conditions
    from hookframe_routing.rules import Rule

_MOST_NAMED = 3
_EITHER = Values(frozenset({True, False}))


class _Shelf:
    """Earlier rules that test the same exact keys, and the same key by patterns.

    A rule of this shelf can cover a later one only if it stands at a place of the later one,
    and, for two rules with patterns, if it has the later one's patterns among its own. So both
    are looked up, and a table of exact rules is checked in time linear in its size.
    """

    def __init__(self, keys: tuple[str, ...], pattern_key: str | None) -> None:
        self._keys = keys
        self._pattern_key = pattern_key
        self._at: defaultdict[Place, list[Rule]] = defaultdict(list)
        self._with: defaultdict[tuple[Place, Hashable], list[Rule]] = defaultdict(list)

    def add(self, rule: Rule) -> None:
        for place in places(rule, self._keys):
            self._at[place].append(rule)
            if self._pattern_key is not None:
                for text in rule.patterns[self._pattern_key].texts:
                    self._with[place, text].append(rule)

    def candidates(self, conditions: Conditions) -> Sequence[Rule]:
        place = []
        for key in self._keys:
            condition = conditions.get(key)
            if not isinstance(condition, Values):
                return ()
            place.append(next(iter(condition.allowed)))
        if self._pattern_key is None:
            return self._at.get(tuple(place), ())
        tested = conditions.get(self._pattern_key)
        if isinstance(tested, Patterns):
            return self._with.get((tuple(place), next(iter(tested.texts))), ())
        return self._at.get(tuple(place), ()) if tested is not None else ()


class _Earlier:
    """The rules before the one in question."""

    def __init__(self, popular: Popularity) -> None:
        self._popular = popular
        self._shelves: dict[tuple[tuple[str, ...], str | None], _Shelf] = {}
        self._flags: set[str] = set()

    def add(self, rule: Rule) -> None:
        keys = filing_keys(rule, self._popular)
        pattern_key = min(rule.patterns, default=None)
        shelf = self._shelves.get((keys, pattern_key))
        if shelf is None:
            shelf = self._shelves[keys, pattern_key] = _Shelf(keys, pattern_key)
        shelf.add(rule)
        self._flags.update(flag for flag in FLAGS if flag in rule.conditions)

    def covering(self, conditions: Conditions) -> tuple[Rule, ...]:
        """Find earlier rules that match all that these conditions match; none if there are none.

        One rule may do so, or several where each takes some values of one list (or one of the
        two values of a flag).
        """
        one = self._covering_one(conditions)
        if one is not None:
            return (one,)
        for key, whole in self._lists(conditions):
            parts = self._covering_parts(conditions, key, whole)
            if parts:
                return parts
        return ()

    def _covering_one(self, conditions: Conditions) -> Rule | None:
        for shelf in self._shelves.values():
            for rule in shelf.candidates(conditions):
                if _covers(rule, conditions):
                    return rule
        return None

    def _covering_parts(self, conditions: Conditions, key: str, whole: Values) -> tuple[Rule, ...]:
        found: dict[int, Rule] = {}
        for value in whole.allowed:
            part = {**conditions, key: Values(frozenset({value}))}
            rule = self._covering_one(part)
            if rule is None:
                return ()
            found[rule.number] = rule
        return tuple(found[number] for number in sorted(found))

    def _lists(self, conditions: Conditions) -> Iterator[tuple[str, Values]]:
        for key, condition in conditions.items():
            if isinstance(condition, Values) and len(condition.allowed) > 1:
                yield key, condition
        for flag in self._flags - conditions.keys():
            yield flag, _EITHER


def _covers(rule: Rule, conditions: Conditions) -> bool:
    """Say whether a rule provably matches all that these conditions match."""
    for key, own in rule.conditions.items():  # noqa: SIM110  (a generator costs thrice the check)
        if not own.covers(conditions.get(key)):
            return False
    return True


def unreachable(rules: Sequence[Rule]) -> Iterator[Problem]:
    """Find the rules that can never be the first match.

    What is found is certain; a pattern that an earlier, different pattern happens to include
    is not found.

    Args:
        rules: the rules, in order.

    Returns:
        One problem for each such rule; it names the rules that stand in its way.
    """
    earlier = _Earlier(popularity(rules))
    for rule in rules:
        before = earlier.covering(rule.conditions)
        if before:
            yield Problem("match", _text(before), rule.number, rule.name)
        else:
            earlier.add(rule)


def _text(before: Sequence[Rule]) -> str:
    if len(before) == 1:
        seen = f"{before[0]} matches all that this rule matches"
    else:
        named = ", ".join(map(str, before[:_MOST_NAMED]))
        more = f" and {len(before) - _MOST_NAMED} more" if len(before) > _MOST_NAMED else ""
        seen = f"{named}{more} together match all that this rule matches"
    where = f"above {before[0]}"
    return f"{seen}, so it is never reached; expected it {where}, or not at all"
