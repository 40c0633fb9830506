"""Read-only copies of what crosses the hook."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NoReturn

ATOMS: Final = frozenset({str, int, float, bool, bytes, type(None)})
"""Immutable types whose values contain no others."""


class _ReadOnlyList(list[Any]):
    """A list that compares and serialises like any other, and rejects changes."""

    def _reject(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("what crosses the hook is read-only")

    append = extend = insert = remove = pop = clear = sort = reverse = _reject
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _reject


def freeze(value: Any) -> Any:
    """Return a read-only copy of a value and of everything nested in it.

    Args:
        value: mappings, lists and tuples of any values.

    Returns:
        A copy that equals the value.

    Raises:
        RecursionError: the value is nested too deeply.
    """
    if type(value) in ATOMS:
        return value
    if isinstance(value, Mapping):
        return MappingProxyType({key: freeze(inner) for key, inner in value.items()})
    if isinstance(value, list):
        return _ReadOnlyList(freeze(inner) for inner in value)
    if isinstance(value, tuple):
        return tuple(freeze(inner) for inner in value)
    return value
