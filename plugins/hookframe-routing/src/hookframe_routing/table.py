"""The table: rules in order, filed by their exact values, of which the first match decides."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from msgspec.structs import replace

from hookframe_routing.conditions import Patterns
from hookframe_routing.index import Place, filing_keys, places, popularity
from hookframe_routing.keys import Facts, Reader

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Mapping, Sequence

    from hookframe import Decision
    from hookframe_routing.conditions import Conditions
    from hookframe_routing.rules import Rule

_NOTHING: Final[Conditions] = {}


class _Drawer(NamedTuple):
    """The rules that are filed under the same keys."""

    place_of: Callable[[Facts], Any]
    """gives an attempt's values of these keys"""
    first: int
    """the number of the first of the rules"""
    filed: Mapping[Hashable, Sequence[Rule]]
    """the rules at each place, in order, with what the place leaves open of their conditions"""


class _Globs(NamedTuple):
    """The rules whose only condition is that a key starts or ends with one of some texts.

    One question tells whether any of them can match. So the usual patterns, `*.example.com`, cost
    an attempt that none of them matches little more than a single one does.
    """

    key: str
    starts: tuple[str, ...]
    """what some rule's value starts with"""
    ends: tuple[str, ...]
    """what some rule's value ends with"""
    rules: tuple[Rule, ...]
    """the rules, in order"""

    def may_match(self, facts: Facts) -> bool:
        """Say whether one of the rules matches."""
        fact = facts[self.key]
        return isinstance(fact, str) and (fact.endswith(self.ends) or fact.startswith(self.starts))


class Table:
    """An ordered table of rules, compiled for the question which of them matches first.

    An attempt costs one dictionary look-up for each set of keys that the rules with exact values
    test, whatever their number; one question for each key that simple globs test alone; and one
    trial for each other rule before the match that has patterns only.

    Args:
        rules: the rules, in order.
    """

    def __init__(self, rules: Sequence[Rule]) -> None:
        self._reader = Reader.of(key for rule in rules for key in rule.conditions)
        filed = _file(rules)
        self._globs, self._tried = _sorted_out(filed.pop((), {}).get((), []))
        drawers = [_drawer(keys, content) for keys, content in filed.items()]
        self._drawers = tuple(sorted(drawers, key=lambda drawer: drawer.first))

    def first_match(self, attempt: Mapping[str, Any]) -> Rule | None:
        """Find the first rule that matches.

        Args:
            attempt: a delivery attempt with its nine keys, and any others.

        Returns:
            The rule, with those of its conditions that had to be tried; None where none matches.
        """
        facts = self._reader.read(attempt)
        best = None
        for drawer in self._drawers:
            if best is not None and drawer.first > best.number:
                break
            best = _earliest(drawer.filed.get(drawer.place_of(facts), ()), facts, best)
        for globs in self._globs:
            before = best is None or globs.rules[0].number < best.number
            if before and globs.may_match(facts):
                best = _earliest(globs.rules, facts, best)
        return _earliest(self._tried, facts, best)


def _earliest(rules: Sequence[Rule], facts: Facts, best: Rule | None) -> Rule | None:
    """Find the first match among filed rules, unless one that is known stands before it."""
    for rule in rules:
        if best is not None and rule.number > best.number:
            break
        for key, condition in rule.conditions.items():
            if not condition.holds(facts[key]):
                break
        else:
            return rule
    return best


def _file(rules: Sequence[Rule]) -> dict[tuple[str, ...], dict[Place, list[Rule]]]:
    """File every rule at its places, in order.

    Of equal values and equal decisions one object is kept: what rules share stays in the
    processor's cache.
    """
    popular = popularity(rules)
    values: dict[Hashable, Hashable] = {}
    decisions: dict[Hashable, Decision] = {}
    filed: dict[tuple[str, ...], dict[Place, list[Rule]]] = {}
    for rule in rules:
        keys = filing_keys(rule, popular)
        one = _as_filed(rule, keys, decisions)
        content = filed.setdefault(keys, {})
        for place in places(rule, keys):
            shared = tuple(values.setdefault((type(value), value), value) for value in place)
            content.setdefault(shared, []).append(one)
    return filed


def _as_filed(rule: Rule, keys: tuple[str, ...], decisions: dict[Hashable, Decision]) -> Rule:
    """Make the rule that stands at the place: with only those conditions that it leaves open."""
    left = {key: one for key, one in rule.conditions.items() if key not in keys}
    decision = rule.decision
    if decision is not None:
        decision = decisions.setdefault(tuple(decision.items()), decision)
    return replace(rule, conditions=left or _NOTHING, decision=decision)


def _sorted_out(tried: Sequence[Rule]) -> tuple[tuple[_Globs, ...], Sequence[Rule]]:
    """Part the rules that have no exact value: those with one simple glob, and the others."""
    simple: dict[str, list[Rule]] = {}
    others = []
    for rule in tried:
        key = next(iter(rule.conditions), "")
        condition = rule.conditions.get(key)
        is_simple = isinstance(condition, Patterns) and condition.others is None
        if is_simple and len(rule.conditions) == 1:
            simple.setdefault(key, []).append(rule)
        else:
            others.append(rule)
    return tuple(_globs(key, rules) for key, rules in simple.items()), others


def _globs(key: str, rules: Sequence[Rule]) -> _Globs:
    patterns = [rule.patterns[key] for rule in rules]
    starts = tuple(start for each in patterns for start in each.starts)
    ends = tuple(end for each in patterns for end in each.ends)
    return _Globs(key, starts, ends, tuple(rules))


def _drawer(keys: tuple[str, ...], content: Mapping[Place, Sequence[Rule]]) -> _Drawer:
    first = min(rules[0].number for rules in content.values())
    # itemgetter gives a bare value for a single key, so places of a single value are bare too
    bare = len(keys) == 1
    filed = {place[0] if bare else place: tuple(rules) for place, rules in content.items()}
    return _Drawer(itemgetter(*keys), first, filed)
