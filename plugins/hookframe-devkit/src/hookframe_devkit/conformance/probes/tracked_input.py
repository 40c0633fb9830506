"""Read-only copies of an attempt and a decision that record the first attempted change."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from typing import Any, Final, NoReturn

_READ_ONLY: Final = "it is read-only: change a copy, such as dict(attempt), or return a decision"


class FirstChange:
    """The first attempted change, and its line."""

    def __init__(self) -> None:
        self.what = ""
        """the value and the operation, as text; empty if there was none"""
        self.file = ""
        self.line = 0

    def record(self, name: str, method: str) -> None:
        """Record a method call that would change a value."""
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
    """A replacement of `MappingProxyType`.

    Args:
        name: its name in the plugin.
        content: its items.
        first_change: records the first change.
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
        """Return a dict."""
        return self._content.copy()

    def __setitem__(self, key: str, value: Any) -> NoReturn:
        self._first_change.record(self._name, "__setitem__")
        raise TypeError("'mappingproxy' object does not support item assignment")

    def __delitem__(self, key: str) -> NoReturn:
        self._first_change.record(self._name, "__delitem__")
        raise TypeError("'mappingproxy' object doesn't support item deletion")

    def __ior__(self, other: Any) -> NoReturn:
        self._first_change.record(self._name, "__ior__")
        raise TypeError("'|=' is not supported by mappingproxy; use '|' instead")

    def __getattr__(self, method: str) -> Any:
        """Record the changing methods of a dict, which a read-only mapping lacks."""
        if method in ("update", "pop", "popitem", "clear", "setdefault"):
            self._first_change.record(self._name, method)
        raise AttributeError(f"'mappingproxy' object has no attribute {method!r}")


class TrackedList(list[Any]):
    """A list in an attempt.

    Args:
        name: its path in the attempt.
        content: its items.
        first_change: records the first change.
    """

    def __init__(self, name: str, content: list[Any], first_change: FirstChange) -> None:
        super().__init__(
            _tracked(f"{name}[{at}]", each, first_change) for at, each in enumerate(content)
        )
        self._name = name
        self._first_change = first_change


def _make_rejecting(method: str) -> Any:
    def refuse(self: TrackedList, *_: object, **__: object) -> NoReturn:
        self._first_change.record(self._name, method)
        raise TypeError(_READ_ONLY)

    return refuse


for _method in (
    *("append", "extend", "insert", "remove", "pop", "clear", "sort", "reverse"),
    *("__setitem__", "__delitem__", "__iadd__", "__imul__"),
):
    setattr(TrackedList, _method, _make_rejecting(_method))


def _tracked(name: str, value: Any, first_change: FirstChange) -> Any:
    if isinstance(value, Mapping):
        return TrackedMapping(name, value, first_change)
    if isinstance(value, list):
        return TrackedList(name, value, first_change)
    if isinstance(value, tuple):
        return tuple(_tracked(f"{name}[{at}]", each, first_change) for at, each in enumerate(value))
    return value
