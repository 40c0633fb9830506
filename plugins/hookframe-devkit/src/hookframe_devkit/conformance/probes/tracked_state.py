"""A state that records how a plugin uses it."""

from __future__ import annotations

from collections.abc import Callable
from threading import get_ident
from typing import Any, Final

_READS: Final = (
    *("__contains__", "__iter__", "__len__", "get", "setdefault", "keys", "values", "items"),
    *("__setitem__", "update", "clear", "copy", "__or__", "__ior__"),
)
_MAY_MISS: Final = ("__getitem__", "__delitem__", "pop", "popitem")


class Usage:
    """The use of states during a call."""

    def __init__(self) -> None:
        self.current: object = None
        """the state of the running call; None while none runs"""
        self.thread = get_ident()
        """the thread that makes the calls"""
        self.strayed = False
        """whether a call used the state of another generation"""
        self.missed: KeyError | None = None
        """the last error of a missing key"""

    def begin(self, state: object) -> None:
        """Begin a call."""
        self.current, self.strayed, self.missed = state, False, None

    def end(self) -> None:
        """End the call."""
        self.current = None

    def record(self, state: object) -> None:
        """Record the use of a state."""
        if self.current is not None and state is not self.current and get_ident() == self.thread:
            self.strayed = True


class TrackedState(dict[str, Any]):
    """A state that records its use."""

    def __init__(self, usage: Usage) -> None:
        super().__init__()
        self._usage = usage


def _record_use(method: Callable[..., Any]) -> Callable[..., Any]:
    def recording(self: TrackedState, *arguments: Any, **keywords: Any) -> Any:
        usage = self._usage
        usage.record(self)
        try:
            return method(self, *arguments, **keywords)
        except KeyError as error:
            usage.missed = error
            raise

    return recording


for _name in (*_READS, *_MAY_MISS):
    setattr(TrackedState, _name, _record_use(getattr(dict, _name)))


def is_caused_by(error: BaseException | None, missed: KeyError | None) -> bool:
    """Return whether an error is, or was caused by, a missing key of the state."""
    seen: set[int] = set()
    while missed is not None and error is not None and id(error) not in seen:
        if error is missed:
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False
