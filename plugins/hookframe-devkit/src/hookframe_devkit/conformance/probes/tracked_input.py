"""Read-only forms of an attempt and a decision that tell when somebody tries to change them."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

_READ_ONLY: Final = "what crosses the hook is read-only"


class FirstChange:
    """What was told: the first attempt to change something, and where."""

    def __init__(self) -> None:
        self.what = ""
        """which value, and what was tried; empty where nothing was"""
        self.file = ""
        self.line = 0

    def tell(self, name: str, method: str) -> None:
        """Note that a value's method was called that would change it."""
        if not self.what:
            self.what = f"{name}{_IN_WORDS.get(method, f'.{method}()')}"
            caller = sys._getframe(2)  # noqa: SLF001  (documented, and there is no other way)
            self.file, self.line = caller.f_code.co_filename, caller.f_lineno


_IN_WORDS: Final = {
    "__setitem__": "[…] = …",
    "__delitem__": "[…] is deleted",
    "__iadd__": " += …",
    "__imul__": " *= …",
    "__ior__": " |= …",
}


class TrackedMapping(Mapping[str, Any]):
    """What a plugin gets in the place of a `MappingProxyType`.

    Args:
        name: what it is called in the plugin.
        content: what it shows.
        first_change: takes what is tried.
    """

    def __init__(self, name: str, content: Mapping[str, Any], first_change: FirstChange) -> None:
        self._name = name
        self._first_change = first_change
        self._content = {
            key: _tracked(f"{name}[{key!a}]", each, first_change) for key, each in content.items()
        }

    def __getitem__(self, key: str) -> Any:
        return self._content[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._content)

    def __len__(self) -> int:
        return len(self._content)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._content)

    def __or__(self, other: Any) -> dict[str, Any]:
        return self._content | dict(other)

    def __ror__(self, other: Any) -> dict[str, Any]:
        return dict(other) | self._content

    def __repr__(self) -> str:
        return f"mappingproxy({self._content!r})"

    def copy(self) -> dict[str, Any]:
        """Give a dict of the plugin's own."""
        return self._content.copy()

    def __setitem__(self, key: str, value: Any) -> NoReturn:
        self._first_change.tell(self._name, "__setitem__")
        raise TypeError("'mappingproxy' object does not support item assignment")

    def __delitem__(self, key: str) -> NoReturn:
        self._first_change.tell(self._name, "__delitem__")
        raise TypeError("'mappingproxy' object doesn't support item deletion")

    def __ior__(self, other: Any) -> NoReturn:
        self._first_change.tell(self._name, "__ior__")
        raise TypeError("'|=' is not supported by mappingproxy; use '|' instead")

    def __getattr__(self, method: str) -> Any:
        """Tell of what a dict has and a read-only mapping lacks: `update`, `pop` and the like."""
        if method in ("update", "pop", "popitem", "clear", "setdefault"):
            self._first_change.tell(self._name, method)
        raise AttributeError(f"'mappingproxy' object has no attribute {method!r}")


class TrackedList(list[Any]):
    """A list inside an attempt.

    Args:
        name: where it stands.
        content: what it holds.
        first_change: takes what is tried.
    """

    def __init__(self, name: str, content: list[Any], first_change: FirstChange) -> None:
        super().__init__(
            _tracked(f"{name}[{at}]", each, first_change) for at, each in enumerate(content)
        )
        self._name = name
        self._first_change = first_change


def _refusing(method: str) -> Any:
    def refuse(self: TrackedList, *_: object, **__: object) -> NoReturn:
        self._first_change.tell(self._name, method)
        raise TypeError(_READ_ONLY)

    return refuse


for _method in (
    *("append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse"),
    *("__setitem__", "__delitem__", "__iadd__", "__imul__"),
):
    setattr(TrackedList, _method, _refusing(_method))


def _tracked(name: str, value: Any, first_change: FirstChange) -> Any:
    if isinstance(value, Mapping):
        return TrackedMapping(name, value, first_change)
    if isinstance(value, list):
        return TrackedList(name, value, first_change)
    if isinstance(value, tuple):
        return tuple(_tracked(f"{name}[{at}]", each, first_change) for at, each in enumerate(value))
    return value
