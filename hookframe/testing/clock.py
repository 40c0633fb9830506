"""What a plugin under test sees as now: real time, or one that stands where a test has put it."""

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
    """Time that plugins see while they are called; everybody else has the real one.

    It is real until it is set, and stands still from then on. The monotonic clock goes on with it,
    and never back.
    """

    def __init__(self) -> None:
        self._now: float | None = None
        self._monotonic = 0  # nanoseconds, which stay exact however long the machine is up

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
        if self._now is None:
            self._monotonic = time.monotonic_ns()
        else:
            self._monotonic += max(round((when - self._now) * _NANOSECONDS), 0)
        self._now = float(when)

    def advance(self, seconds: float) -> None:
        """Let some time pass, in seconds; from now on, where it was not set."""
        self.set((time.time() if self._now is None else self._now) + seconds)

    @contextmanager
    def patch_into(self, modules: Callable[[], Iterable[ModuleType]]) -> Iterator[None]:
        """Show it to everything that runs inside this.

        Args:
            modules: gives those that may have taken `monotonic` out of `time` for themselves.
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
        """Give what takes the place of the monotonic clocks: time-machine leaves them alone."""
        now = self._monotonic
        return lambda: now / _NANOSECONDS, lambda: now


def _find_replacements(
    names: Mapping[str, Any], clocks: Mapping[Reading, Reading]
) -> dict[str, Reading]:
    """Give what takes the place of a clock, under each name that a module has for it."""
    return {
        name: clocks[value]
        for name, value in names.items()
        if isinstance(value, (BuiltinFunctionType, FunctionType)) and value in clocks
    }


def _restore_in_new_modules(loaded: set[str], clocks: Mapping[Reading, Reading]) -> None:
    """Give modules that were loaded meanwhile, and took a standing clock, the real one."""
    for name in sys.modules.keys() - loaded:
        names = vars(sys.modules[name])
        names.update(_find_replacements(names, clocks))


def find_modules(subjects: Iterable[object]) -> list[ModuleType]:
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
