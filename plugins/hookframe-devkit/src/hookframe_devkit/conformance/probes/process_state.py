"""The process-wide state that a plugin must not change."""

from __future__ import annotations

import gc
import locale
import logging
import os
import signal
import socket
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from hookframe._text import short_repr


@dataclass(frozen=True, slots=True)
class _Feature:
    """One part of the process state.

    Args:
        name: its name.
        read: returns its value.
        restore: restores a value.
        at_load: whether it must not change during loading either.
        in_words: describes the difference of two values; may be empty.
    """

    name: str
    read: Callable[[], Any]
    restore: Callable[[Any], object]
    at_load: bool = True
    in_words: Callable[[Any, Any], str] = lambda _, __: ""


def _both(old: Any, new: Any) -> str:
    return f"{short_repr(old)} became {short_repr(new)}"


def _signals(old: tuple[Any, ...], new: tuple[Any, ...]) -> str:
    pairs = zip(_SIGNALS, old, new, strict=True)
    return ", ".join(signal.Signals(number).name for number, a, b in pairs if a != b)


def _categories(old: str, new: str) -> str:
    return short_repr(";".join(each for each in new.split(";") if each not in old.split(";")))


def _variables(old: dict[str, str], new: dict[str, str]) -> str:
    names = sorted(key for key in old.keys() | new.keys() if old.get(key) != new.get(key))
    return ", ".join(map(short_repr, names))


def _signal_handlers() -> tuple[Any, ...]:
    return tuple(map(signal.getsignal, _SIGNALS))


def _restore_signal_handlers(handlers: tuple[Any, ...]) -> None:
    for number, handler in zip(_SIGNALS, handlers, strict=True):
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)


def _root_logger() -> tuple[Any, ...]:
    root = logging.root
    disabled = logging.root.manager.disable
    return root.level, tuple(root.handlers), tuple(root.filters), root.disabled, disabled


def _restore_root_logger(values: tuple[Any, ...]) -> None:
    root = logging.root
    root.level, handlers, filters, root.disabled, root.manager.disable = values
    root.handlers[:], root.filters[:] = handlers, filters


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _restore_environment(values: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(values)


def _working_directory() -> str:
    with suppress(OSError):
        return os.getcwd()  # noqa: PTH109  (faster, and this runs at every attempt)
    return "(gone)"


def _restore_filters(values: list[Any]) -> None:
    warnings.filters[:] = values  # type: ignore[index]
    warnings._filters_mutated()  # type: ignore[attr-defined]  # noqa: SLF001


def _restore_streams(values: tuple[Any, Any]) -> None:
    sys.stdout, sys.stderr = values


_SIGNALS: Final = tuple(
    sorted(each for each in signal.Signals if each not in (signal.SIGKILL, signal.SIGSTOP))
)
_FEATURES: Final = (
    _Feature("the signal handlers", _signal_handlers, _restore_signal_handlers, in_words=_signals),
    _Feature(
        "the working directory",
        _working_directory,
        os.chdir,
        in_words=lambda _, new: f"it goes to {short_repr(new)}",
    ),
    _Feature(
        "the locale",
        lambda: locale.setlocale(locale.LC_ALL),
        lambda value: locale.setlocale(locale.LC_ALL, value),
        in_words=_categories,
    ),
    _Feature("the root logger", _root_logger, _restore_root_logger),
    _Feature("the umask", _umask, os.umask, in_words=lambda a, b: f"{a:04o} became {b:04o}"),
    _Feature("the environment", os.environ.copy, _restore_environment, in_words=_variables),
    _Feature(
        "the default time-out of sockets",
        socket.getdefaulttimeout,
        socket.setdefaulttimeout,
        in_words=_both,
    ),
    _Feature(
        "sys.stdout and sys.stderr",
        lambda: (sys.stdout, sys.stderr),
        _restore_streams,
    ),
    _Feature(
        "sys.excepthook",
        lambda: sys.excepthook,
        lambda value: setattr(sys, "excepthook", value),
    ),
    _Feature(
        "the garbage collector",
        gc.isenabled,
        lambda value: gc.enable() if value else gc.disable(),
    ),
    _Feature("the recursion limit", sys.getrecursionlimit, sys.setrecursionlimit, in_words=_both),
    _Feature(
        "sys.path",
        sys.path.copy,
        lambda value: sys.path.__setitem__(slice(None), value),
        at_load=False,
    ),
    _Feature(
        "the filters of warnings",
        lambda: list(warnings.filters),
        _restore_filters,
        at_load=False,
    ),
)


class ProcessState:
    """The process state at one moment."""

    __slots__ = ("_values",)

    def __init__(self) -> None:
        self._values = tuple(feature.read() for feature in _FEATURES)

    def changes(self, before: ProcessState, *, at_load: bool = False) -> tuple[str, ...]:
        """Describe the differences from an earlier state.

        Args:
            before: the earlier state.
            at_load: whether the plugin was loaded in between, which may change a little more.
        """
        if self._values == before._values:
            return ()
        return tuple(self._differences(before, at_load=at_load))

    def restore(self) -> None:
        """Restore this state."""
        for feature, value in zip(_FEATURES, self._values, strict=True):
            if feature.read() != value:
                with suppress(Exception):
                    feature.restore(value)

    def _differences(self, before: ProcessState, *, at_load: bool) -> Iterator[str]:
        for feature, old, new in zip(_FEATURES, before._values, self._values, strict=True):
            if old != new and (feature.at_load or not at_load):
                words = feature.in_words(old, new)
                yield f"{feature.name}: {words}" if words else feature.name
