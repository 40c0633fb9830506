"""Owners of stack frames: a plugin may be interrupted, code that holds our locks may not."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from inspect import CO_GENERATOR
from types import FrameType
from typing import Final

from hookframe.api.plugin_code import CALLERS, PACKAGE

# Paths as code objects carry them: as strings.
_LIBRARY: Final = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120
_LOGGING: Final = f"{_LIBRARY}logging{os.sep}"
_INSTALLED: Final = (f"{_LIBRARY}site-packages{os.sep}", f"{_LIBRARY}dist-packages{os.sep}")
_SHARED: Final = tuple(f"{os.sep}{name}{os.sep}" for name in ("loguru", "pluggy"))
_CALLBACKS: Final = (f"{_LIBRARY}weakref.py", f"{_LIBRARY}_weakrefset.py")
_IMPORT: Final = "<frozen importlib"
_FROZEN: Final = "<frozen "


class _Owner(Enum):
    """The owner of a file of Python code."""

    HOST = auto()
    SHARED = auto()
    """libraries that we use as well: an interrupted call would leave their locks taken"""
    CALLBACKS = auto()
    """callbacks that the interpreter runs anywhere, ignoring what they raise"""
    LIBRARY = auto()
    """the rest of the standard library: it works for its caller"""
    PLUGIN = auto()
    """a plugin, or a library that only plugins use"""


@dataclass(frozen=True, slots=True)
class StackPosition:
    """A position of the main thread in a plugin's code.

    Args:
        call: the plugin's call of hookframe's code, or of a library that we use as well, at whose
            end the plugin may be interrupted; None while its own code is on top.
        soon: whether a better moment is likely to come soon.
    """

    call: FrameType | None
    soon: bool


def find_position(top: FrameType | None) -> StackPosition | None:
    """Find the position of a stack in a plugin's code.

    Args:
        top: the innermost frame.

    Returns:
        The position; None if no plugin's code runs, or none whose end could be traced.
    """
    frame, call, host, plugin, soon = top, None, False, False, False
    while frame is not None and frame.f_code not in CALLERS:
        soon = soon or frame.f_code.co_name == "__del__"
        match _find_owner(frame.f_code.co_filename):
            case _Owner.HOST:
                call, host, plugin = frame, True, False
            case _Owner.SHARED if not (host or plugin):
                call, soon = frame, True
            case _Owner.CALLBACKS:
                soon = True
            case _Owner.PLUGIN:
                plugin = True
        frame = frame.f_back
    if frame is None or not plugin:
        return None
    if call is not None and call.f_code.co_flags & CO_GENERATOR:
        return None  # when it yields it does not end
    return StackPosition(call, soon and not host)


@lru_cache(maxsize=1024)
def _find_owner(file: str) -> _Owner:
    if file.startswith(PACKAGE):
        return _Owner.HOST
    if file.startswith((_IMPORT, _LOGGING)) or any(name in file for name in _SHARED):
        return _Owner.SHARED
    if file in _CALLBACKS:
        return _Owner.CALLBACKS
    if file.startswith(_FROZEN):
        return _Owner.LIBRARY
    if file.startswith(_LIBRARY) and not file.startswith(_INSTALLED):
        return _Owner.LIBRARY
    return _Owner.PLUGIN
