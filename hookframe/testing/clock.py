"""What a plugin under test sees as now: real time, or one that stands where a test has put it."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from types import MappingProxyType, ModuleType
from typing import Any, Final
from unittest.mock import patch

_NANOSECONDS: Final = 1_000_000_000
_real_monotonic: Final = time.monotonic
_real_monotonic_ns: Final = time.monotonic_ns


class Clock:
    """Time that plugins see while they are called; everybody else has the real one.

    It is real until it is set, and stands still from then on. The monotonic clock goes on with it,
    and never back.
    """

    def __init__(self) -> None:
        self._now: float | None = None
        self._monotonic = 0.0

    def set(self, when: datetime | float) -> None:
        """Let it be that time.

        Args:
            when: a time with its zone, or UNIX seconds.

        Raises:
            ValueError: a datetime has no zone, so it may mean anything.
        """
        if isinstance(when, datetime):
            if when.tzinfo is None:
                raise ValueError(
                    f"{when!r} has no time zone; write datetime(…, tzinfo=UTC) or UNIX seconds"
                )
            when = when.timestamp()
        passed = 0.0 if self._now is None else max(when - self._now, 0.0)
        self._monotonic = passed + (_real_monotonic() if self._now is None else self._monotonic)
        self._now = float(when)

    def advance(self, seconds: float) -> None:
        """Let some time pass, in seconds; from now on, where it was not set."""
        if self._now is None:
            self.set(time.time())
        self.set((self._now or 0.0) + seconds)

    @contextmanager
    def seen_by(self, modules: Callable[[], Iterable[ModuleType]]) -> Iterator[None]:
        """Show it to everything that runs inside this.

        Args:
            modules: gives those that may have taken `monotonic` out of `time` for themselves.
        """
        if self._now is None:
            yield
            return
        import time_machine  # noqa: PLC0415  (for tests only, as hypothesis is)

        with ExitStack() as stack:
            stack.enter_context(time_machine.travel(self._now, tick=False))
            for module in (time, *modules()):
                replaced = self._replaced(vars(module))
                stack.enter_context(patch.dict(vars(module), replaced))
            yield

    def _replaced(self, names: Mapping[str, Any]) -> dict[str, Callable[[], float]]:
        """Give what stands for the monotonic clock, under each of its names in a module."""
        return {
            name: getattr(self, _STANDING[value])
            for name, value in names.items()
            if _is_function(value) and value in _STANDING
        }

    def _stands(self) -> float:
        return self._monotonic

    def _stands_ns(self) -> int:
        return int(self._monotonic * _NANOSECONDS)


def _is_function(value: object) -> bool:
    """Say whether it can be one of the clocks: a module's other values may not even be hashable."""
    return type(value) is type(_real_monotonic)


_STANDING: Final = MappingProxyType({_real_monotonic: "_stands", _real_monotonic_ns: "_stands_ns"})


def modules_of(subjects: Iterable[object]) -> list[ModuleType]:
    """Find the modules in which the code of plugins stands, as far as it is loaded.

    Args:
        subjects: the objects that implement the hooks.

    Returns:
        For each its module, and all others of the package that it belongs to.
    """
    names = {
        each.__name__ if isinstance(each, ModuleType) else type(each).__module__
        for each in subjects
    }
    packages = {name.partition(".")[0] for name in names}
    return [
        module
        for name, module in sys.modules.copy().items()
        if name.partition(".")[0] in packages and isinstance(module, ModuleType)
    ]
