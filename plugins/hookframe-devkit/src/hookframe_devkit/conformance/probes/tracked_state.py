"""The state of a generation, which tells how a plugin uses it."""

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
    """Which state belongs to the call that runs, and what was done to others meanwhile."""

    def __init__(self) -> None:
        self.current: object = None
        """the state of the call that runs; None while none does"""
        self.thread = get_ident()
        """the thread that makes the calls"""
        self.strayed = False
        """whether a call has used a state that is not its own"""
        self.missed: KeyError | None = None
        """the last error that a missing key of the state has caused"""

    def begin(self, state: object) -> None:
        """Note that a call begins."""
        self.current, self.strayed, self.missed = state, False, None

    def end(self) -> None:
        """Note that it has ended."""
        self.current = None

    def note(self, state: object) -> None:
        """Note that a state is used."""
        if self.current is not None and state is not self.current and get_ident() == self.thread:
            self.strayed = True


class TrackedState(dict[str, Any]):
    """A state that tells of its use.

    Args:
        usage: whom it tells.
    """

    def __init__(self, usage: Usage) -> None:
        super().__init__()
        self._usage = usage


def _noted(method: Callable[..., Any]) -> Callable[..., Any]:
    def noted(self: TrackedState, *arguments: Any, **keywords: Any) -> Any:
        usage = self._usage
        usage.note(self)
        try:
            return method(self, *arguments, **keywords)
        except KeyError as error:
            usage.missed = error
            raise

    return noted


for _name in (*_READS, *_MAY_MISS):
    setattr(TrackedState, _name, _noted(getattr(dict, _name)))


def is_caused_by(error: BaseException | None, missed: KeyError | None) -> bool:
    """Say whether an error is, or was raised because of, a missing key of the state."""
    seen: set[int] = set()
    while missed is not None and error is not None and id(error) not in seen:
        if error is missed:
            return True
        seen.add(id(error))
        error = error.__cause__ or error.__context__
    return False
