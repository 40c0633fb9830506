"""Read-only values that cross the hook.

A plain `MappingProxyType` is not enough: `proxy | x` and `proxy == x` hand the dict beneath it to
the other operand. So what lies beneath rejects changes itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NoReturn

ATOMS: Final = frozenset({str, int, float, bool, bytes, type(None)})
"""Immutable types whose values contain no others."""


def _reject(*_: object, **__: object) -> NoReturn:
    raise TypeError("it is read-only: change a copy, such as dict(attempt), or return a decision")


class ReadOnlyDict(dict[str, Any]):
    """A dict that compares, copies and serialises like any other, and rejects changes."""

    __slots__ = ()
    __setitem__ = __delitem__ = __ior__ = _reject
    update = pop = popitem = clear = setdefault = _reject

    def __reduce__(self) -> tuple[type[dict[str, Any]], tuple[dict[str, Any]]]:
        """Make copies by `copy` and `pickle` plain dicts."""
        return dict, (dict(self),)


class _ReadOnlyList(list[Any]):
    """A list that compares and serialises like any other, and rejects changes."""

    __slots__ = ()
    append = extend = insert = remove = pop = clear = sort = reverse = _reject
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _reject

    def __reduce__(self) -> tuple[type[list[Any]], tuple[list[Any]]]:
        """Make copies by `copy` and `pickle` plain lists."""
        return list, (list(self),)


def make_view(content: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a read-only copy of a mapping that many attempts share.

    The second layer is against functions in C that change any dict, as `eval` does with one that
    it is given as global names.
    """
    return MappingProxyType(ReadOnlyDict(content))


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
        return ReadOnlyDict({key: freeze(inner) for key, inner in value.items()})
    if isinstance(value, list):
        return _ReadOnlyList(freeze(inner) for inner in value)
    if isinstance(value, tuple):
        return tuple(freeze(inner) for inner in value)
    return value
