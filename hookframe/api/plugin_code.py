"""Whose code runs: the mark on functions that call a plugin's code, and where our own code lies."""

from __future__ import annotations

import os
from collections.abc import Callable
from types import CodeType, FunctionType
from typing import Any, Final, TypeVar, cast

PACKAGE: Final = os.path.dirname(os.path.dirname(__file__)) + os.sep  # noqa: PTH120
"""The directory of hookframe's own code as code objects carry it: a string with its separator."""

_Function = TypeVar("_Function", bound=Callable[..., Any])

CALLERS: Final[set[CodeType]] = set()
"""The code of every function of hookframe that calls a plugin's code: see `calls_plugins`."""


def calls_plugins(function: _Function) -> _Function:
    """Mark a function that calls a plugin's code while an attempt runs.

    What that code raises must harm nothing of ours on its way to whoever takes it for the
    plugin's error: wherever it stands, it may be ended by `DeadlineExceeded`.

    Args:
        function: a Python function; all that are made by one `def` or `lambda` are marked at once.
    """
    CALLERS.add(cast("FunctionType", function).__code__)
    return function
