"""Marks of code: functions that call plugins, and the directory of hookframe's own code."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import CodeType, FrameType, FunctionType
from typing import Any, Final, TypeVar, cast

PACKAGE: Final = os.path.dirname(os.path.dirname(__file__)) + os.sep  # noqa: PTH120
"""The directory of hookframe's own code, as in `co_filename`, with a separator at its end."""

_Function = TypeVar("_Function", bound=Callable[..., Any])

CALLERS: Final[set[CodeType]] = set()
"""The code of every function of hookframe that is marked with `calls_plugins`."""


def calls_plugins(function: _Function) -> _Function:
    """Mark a function that calls a plugin's code while an attempt runs.

    `DeadlineExceeded` may be raised anywhere in a marked function, so an exception that leaves it
    must not break hookframe's own state on its way to the handler of plugin errors. A function that
    knows which plugin it calls has it in a local variable `member` or `plugin`.

    Args:
        function: a Python function; all that one `def` or `lambda` makes are marked at once.

    Returns:
        The same function.
    """
    CALLERS.add(cast("FunctionType", function).__code__)
    return function


def find_called(frame: FrameType | None) -> Any:
    """Find the plugin, or the member of a chain, whose code a stack runs.

    Args:
        frame: the innermost frame.

    Returns:
        The variable of the innermost marked function that has one; None outside of such functions.
    """
    while frame is not None:
        if frame.f_code in CALLERS:
            called = read_called(frame)
            if called is not None:
                return called
        frame = frame.f_back
    return None


def read_called(frame: FrameType) -> Any:
    """Read which plugin, or member of a chain, a marked function calls; None if it has none.

    Args:
        frame: a frame of the function.
    """
    variables = frame.f_locals
    return variables.get("member") or variables.get("plugin")
