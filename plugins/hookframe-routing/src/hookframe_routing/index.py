"""Where a rule with exact values is filed, so that one look-up in a dictionary finds it."""

from __future__ import annotations

from collections import Counter
from itertools import product
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator

    from hookframe_routing.rules import Rule

Place = tuple["Hashable", ...]
"""One value for each of the keys that a rule is filed under."""

Popularity = Counter[tuple[str, "Hashable"]]
"""In how many rules a value of a key stands."""


def popularity(rules: Iterable[Rule]) -> Popularity:
    """Count in how many rules each value of each key stands."""
    return Counter(
        (key, value)
        for rule in rules
        for key, condition in rule.exact.items()
        for value in condition.allowed
    )


def filing_keys(rule: Rule, popular: Popularity) -> tuple[str, ...]:
    """Choose the keys that a rule is filed under.

    These are all keys for which it names one value, and of its lists the most selective one:
    the one whose most frequent value stands in the fewest rules. A second list would multiply
    the places of the rule, so it is left to be checked.

    Args:
        rule: the rule.
        popular: in how many rules each value stands.

    Returns:
        The keys in sorted order; none for a rule that names no exact value.
    """
    exact = rule.exact
    keys = [key for key, condition in exact.items() if len(condition.allowed) == 1]
    lists = sorted(exact.keys() - set(keys))
    if lists:
        keys.append(min(lists, key=lambda key: max(popular[key, v] for v in exact[key].allowed)))
    return tuple(sorted(keys))


def places(rule: Rule, keys: tuple[str, ...]) -> Iterator[Place]:
    """List every place of a rule that is filed under these keys."""
    exact = rule.exact
    return product(*(exact[key].allowed for key in keys))
