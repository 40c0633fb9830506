"""The signatures of hooks: checked, and adapted to the arguments of the hookspec."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

from hookframe._text import did_you_mean
from hookframe.api.errors import HookframeError
from hookframe.api.plugin_code import calls_plugins


class SignatureError(HookframeError):
    """A hook whose signature does not fit its hookspec."""


def read_argument_names(function: Callable[..., Any], allowed: Sequence[str]) -> tuple[str, ...]:
    """Read the argument names of a hook, and reject signatures that would fail when called.

    Args:
        function: a function, a bound method, a lambda or any callable object.
        allowed: the argument names of its hookspec.

    Returns:
        The names in the order of the signature.

    Raises:
        SignatureError: an unknown or misspelt name (with or without a default), `*args`,
            `**kwargs` or a keyword-only argument, or a signature that can't be read.
    """
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError) as error:
        raise SignatureError(f"its arguments can't be read: {error}") from None
    for parameter in parameters:
        if parameter.kind not in _PLAIN:
            raise SignatureError(
                f"takes the {parameter.kind.description} argument {parameter.name}; "
                f"it must take its arguments plainly, by name: any of {_list_arguments(allowed)}"
            )
        if parameter.name not in allowed:
            raise SignatureError(_describe_unknown_argument(parameter.name, allowed))
    return tuple(parameter.name for parameter in parameters)


_PLAIN = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


def _describe_unknown_argument(name: str, allowed: Sequence[str]) -> str:
    hint = did_you_mean(name, allowed)
    return f"takes an argument {name!r}{hint}; it may take {_list_arguments(allowed)}"


def _list_arguments(allowed: Sequence[str]) -> str:
    return ", ".join(allowed) if allowed else "no arguments"


def refuse_deferred(function: Callable[..., Any], *, wrapper: bool = False) -> None:
    """Reject a hook that would return a coroutine or a generator instead of a decision.

    Args:
        function: the hook.
        wrapper: whether it is marked as a wrapper, which has to yield.

    Raises:
        SignatureError: it is `async`, yields without the mark, or has the mark without a yield.
    """
    code = function if inspect.isroutine(function) else getattr(function, "__call__", function)  # noqa: B004
    if inspect.iscoroutinefunction(code) or inspect.isasyncgenfunction(code):
        raise SignatureError("is async; a hook is a plain def that returns at once")
    yields = inspect.isgeneratorfunction(code)
    if yields and not wrapper:
        raise SignatureError(
            "yields, but is not marked as a wrapper; return the decision, "
            "or mark it @hookimpl(wrapper=True)"
        )
    if wrapper and not yields:
        raise SignatureError("is marked as a wrapper and never yields; it must yield exactly once")


def adapt_arguments(
    function: Callable[..., Any], names: tuple[str, ...], given: tuple[str, ...]
) -> Callable[..., Any]:
    """Make a hook callable with all arguments of its hookspec, and pass those that it takes.

    A hook that takes all of them in this order is returned unchanged.
    """
    if names == given:
        return function
    return calls_plugins(_adapt(function, names, given))


def _adapt(
    function: Callable[..., Any], names: tuple[str, ...], given: tuple[str, ...]
) -> Callable[..., Any]:
    match names, len(given):
        case (), _:
            return lambda *_: function()
        case ("attempt",), 3:
            return lambda attempt, _, __: function(attempt)
        case ("attempt", "decision"), 3:
            return lambda attempt, decision, _: function(attempt, decision)
        case ("attempt", "state"), 3:
            return lambda attempt, _, state: function(attempt, state)
    positions = tuple(given.index(name) for name in names)
    return lambda *everything: function(*[everything[position] for position in positions])


def find_source_file(function: Callable[..., Any]) -> str:
    """Return the file of a callable's code; empty if it has none."""
    code = getattr(function, "__code__", None)
    if code is None:
        code = getattr(getattr(type(function), "__call__", None), "__code__", None)  # noqa: B004
    return code.co_filename if code is not None else ""


def explain_missing_hook(subject: object, hook: str) -> str:
    """Explain why pluggy found no hook: it is missing, or not marked with our @hookimpl.

    Args:
        subject: the plugin's module or object.
        hook: the name of the hook.
    """
    candidate = getattr(subject, hook, None)
    if candidate is None:
        return (
            f"has no implementation: {_name_subject(subject)} defines no {hook}; "
            "define it, marked with `from hookframe import hookimpl`"
        )
    marks = [name for name in getattr(candidate, "__dict__", {}) if name.endswith("_impl")]
    if marks:
        return (
            f"has no implementation: {hook} carries the mark of another project "
            f"({marks[0].removesuffix('_impl')}); mark it with `from hookframe import hookimpl`"
        )
    return (
        f"has no implementation: {hook} is not marked; put @hookimpl above it "
        "(`from hookframe import hookimpl`)"
    )


def _name_subject(subject: object) -> str:
    return repr(getattr(subject, "__name__", None) or type(subject).__name__)
