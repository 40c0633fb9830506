"""Whose code is on top of a stack: a plugin may be interrupted, what holds our locks may not."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum, auto
from functools import lru_cache
from inspect import CO_GENERATOR
from types import FrameType
from typing import Final

from hookframe.deadline import CALLERS

# Paths as code objects carry them: as strings.
_HOST: Final = os.path.dirname(__file__) + os.sep  # noqa: PTH120
_LIBRARY: Final = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120
_LOGGING: Final = f"{_LIBRARY}logging{os.sep}"
_INSTALLED: Final = (f"{_LIBRARY}site-packages{os.sep}", f"{_LIBRARY}dist-packages{os.sep}")
_BORROWED: Final = tuple(f"{os.sep}{name}{os.sep}" for name in ("loguru", "pluggy"))
_IMPORT: Final = "<frozen importlib"
_FROZEN: Final = "<frozen "


class _Owner(Enum):
    """Whose a file of Python code is."""

    HOST = auto()
    BORROWED = auto()
    """what we call as plugins do, or our other threads: its locks must not stay behind"""
    LIBRARY = auto()
    """the rest of the standard library: it works for whoever has called it"""
    PLUGIN = auto()
    """a plugin's, or of a library that only plugins use"""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the main thread is, in the code of a plugin.

    Args:
        call: a call that it has made, of code which must not be interrupted; None where its own
            code is on top.
        borrowed: whether that call is one of a library that we use as well, and not of ours.
    """

    call: FrameType | None
    borrowed: bool


def find_place(top: FrameType | None) -> Place | None:
    """Find where in a plugin's code a stack is.

    Args:
        top: the innermost frame.

    Returns:
        The place; None where no plugin's code runs, or none whose end we would notice.
    """
    frame, call, host, plugin = top, None, False, False
    while frame is not None and frame.f_code not in CALLERS:
        match _owner(frame.f_code.co_filename):
            case _Owner.HOST:
                call, host, plugin = frame, True, False
            case _Owner.BORROWED if not (host or plugin):
                call = frame
            case _Owner.PLUGIN:
                plugin = True
        frame = frame.f_back
    if frame is None or not plugin:
        return None
    if call is not None and call.f_code.co_flags & CO_GENERATOR:
        return None  # when it yields it does not end
    return Place(call, borrowed=not host)


@lru_cache(maxsize=1024)
def _owner(file: str) -> _Owner:
    if file.startswith(_HOST):
        return _Owner.HOST
    if file.startswith((_IMPORT, _LOGGING)) or any(name in file for name in _BORROWED):
        return _Owner.BORROWED
    if file.startswith(_FROZEN):
        return _Owner.LIBRARY
    if file.startswith(_LIBRARY) and not file.startswith(_INSTALLED):
        return _Owner.LIBRARY
    return _Owner.PLUGIN
