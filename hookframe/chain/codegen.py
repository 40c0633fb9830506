"""The calls of a chain, written out one after another: a loop over them takes a third longer.

For two plugins it reads

    def fold(attempt, state):
        decision = NORMAL
        try:
            vote = call0(attempt, decision, state)
            if vote is not None and vote is not decision:
                decision = add0(vote, decision)
            vote = call1(attempt, decision, state)
            if vote is not None and vote is not decision:
                decision = add1(vote, decision)
        except BaseException as error:
            return go_on(error, attempt, decision, state)
        return decision

where `call0` is the first plugin, and `add0` what adds its vote to the decision. Nothing is noted
before a call: which plugin runs, or has failed, is told by the line where the function is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from functools import cache
from types import CodeType, FrameType, FunctionType
from typing import Any, Final

from hookframe.api.decision import NORMAL
from hookframe.api.plugin_code import calls_plugins

_FIRST_LINE: Final = 5
_LINES_OF_A_CALL: Final = 3
_FOLD: Final = """
def fold(attempt, state):
    decision = NORMAL
    try:{calls}
    except BaseException as error:
        return go_on(error, attempt, decision, state)
    return decision
"""
_CALL: Final = """
        vote = call{number}(attempt, decision, state)
        if vote is not None and vote is not decision:
            decision = add{number}(vote, decision)"""


def generate_fold(
    calls: Sequence[tuple[Callable[..., Any], Callable[..., Any]]], go_on: Callable[..., Any]
) -> FunctionType:
    """Write out the calls of a chain.

    Args:
        calls: each plugin's call, and what adds its vote to the accumulated decision.
        go_on: takes the error of a plugin, the attempt, the decision before it, and the state; its
            return value is the decision.

    Returns:
        A function from attempt and state to the decision.
    """
    names: dict[str, Any] = {"NORMAL": NORMAL, "go_on": go_on}
    for number, (call, add) in enumerate(calls):
        names |= {f"call{number}": call, f"add{number}": add}
    # Run as a module is: CPython 3.13 calls a function that `FunctionType` has made more slowly.
    exec(_compile_fold(len(calls)), names)  # noqa: S102  (our own text)
    fold: FunctionType = calls_plugins(names.pop("fold"))
    return fold


def find_frame(fold: FunctionType) -> FrameType | None:
    """Find a function that `unrolled` has made on the stack of this thread, where it runs."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  (it has no other name)
    while frame is not None and frame.f_globals is not fold.__globals__:
        frame = frame.f_back
    return frame


def find_position(line: int) -> int:
    """Say which plugin, counted from 0, is called in a line of such a function."""
    return (line - _FIRST_LINE) // _LINES_OF_A_CALL


def abandon(fold: FunctionType) -> None:
    """Have a function that `unrolled` has made call no further plugin, even while it runs."""
    names = fold.__globals__
    names.update((name, _do_nothing) for name in tuple(names) if name.startswith("call"))


@cache
def _compile_fold(count: int) -> CodeType:
    """Compile the fold of so many plugins, once."""
    calls = "".join(_CALL.format(number=number) for number in range(count))
    return compile(_FOLD.format(calls=calls or "pass"), f"{__file__}, written out", "exec")


def _do_nothing(*_: object) -> None:
    """Stand for a plugin that is not called."""
