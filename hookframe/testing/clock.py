"""The time that a plugin under test sees: real, or set by the test."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import datetime
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any, Final
from unittest.mock import patch

Reading = Callable[[], float]
_NANOSECONDS: Final = 1_000_000_000


class Clock:
    """The time that plugins see while they are called.

    It is real until it is set, and stands still afterwards. The monotonic clock follows it, but
    never backwards.
    """

    def __init__(self) -> None:
        self._now: float | None = None
        self._monotonic = 0  # nanoseconds: exact after any uptime

    def set(self, when: datetime | float) -> None:
        """Set the time.

        Args:
            when: a datetime with its time zone, or UNIX seconds.

        Raises:
            ValueError: a datetime has no time zone.
        """
        if isinstance(when, datetime):
            if when.tzinfo is None:
                raise ValueError(
                    f"{when!r} has no time zone; write datetime(…, tzinfo=UTC) or UNIX seconds"
                )
            when = when.timestamp()
        if self._now is None:
            self._monotonic = time.monotonic_ns()
        else:
            self._monotonic += max(round((when - self._now) * _NANOSECONDS), 0)
        self._now = float(when)

    def advance(self, seconds: float) -> None:
        """Advance the time by some seconds; set it first if it is still real."""
        self.set((time.time() if self._now is None else self._now) + seconds)

    @contextmanager
    def patch_into(self, modules: Callable[[], Iterable[ModuleType]]) -> Iterator[None]:
        """Replace the clocks of Python inside this context.

        Args:
            modules: returns the modules that may have imported `monotonic` from `time`.
        """
        if self._now is None:
            yield
            return
        import time_machine  # noqa: PLC0415  (for tests only, as hypothesis is)

        real, standing = (time.monotonic, time.monotonic_ns), self._make_fixed_clocks()
        loaded = set(sys.modules)
        with ExitStack() as stack:
            stack.callback(_restore_in_new_modules, loaded, dict(zip(standing, real, strict=True)))
            stack.enter_context(time_machine.travel(self._now, tick=False))
            for names in map(vars, (time, *modules())):
                replacements = _find_replacements(names, dict(zip(real, standing, strict=True)))
                stack.enter_context(patch.dict(names, replacements))
            yield

    def _make_fixed_clocks(self) -> tuple[Reading, Reading]:
        """Return replacements of the monotonic clocks."""
        now = self._monotonic  # time-machine leaves these clocks alone
        return lambda: now / _NANOSECONDS, lambda: now


def _find_replacements(
    names: Mapping[str, Any], clocks: Mapping[Reading, Reading]
) -> dict[str, Reading]:
    """Return the replacement of each clock, under each name that a module has for it."""
    return {
        name: clocks[value]
        for name, value in names.items()
        if isinstance(value, (BuiltinFunctionType, FunctionType)) and value in clocks
    }


def _restore_in_new_modules(loaded: set[str], clocks: Mapping[Reading, Reading]) -> None:
    """Restore the real clocks in modules that were imported inside the context."""
    for name in sys.modules.keys() - loaded:
        names = vars(sys.modules[name])
        names.update(_find_replacements(names, clocks))


def find_modules(subjects: Iterable[object]) -> list[ModuleType]:
    """Find the loaded modules of plugins.

    Args:
        subjects: the objects that implement the hooks.

    Returns:
        For each plugin all loaded modules of its top-level package.
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
