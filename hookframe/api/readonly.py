"""Read-only forms of what crosses the hook: equal to the original, and refusing every change."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NoReturn

ATOMS: Final = frozenset({str, int, float, bool, bytes, type(None)})
"""Types whose values have nothing inside them, and can't be changed."""


class _ReadOnlyList(list[Any]):
    """A list that equals and serialises like any other, and refuses to be changed."""

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise TypeError("what crosses the hook is read-only")

    append = extend = insert = remove = pop = clear = sort = reverse = _refuse
    __setitem__ = __delitem__ = __iadd__ = __imul__ = _refuse


def freeze(value: Any) -> Any:
    """Make a value and all that is nested in it read-only.

    Args:
        value: mappings, lists and tuples of anything.

    Returns:
        A copy that equals it and can't be changed.

    Raises:
        RecursionError: it is nested too deeply.
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
