"""One plugin, checked: whatever it was made from, the chain sees it in this one form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pluggy

from hookframe.deadline import calls_plugins
from hookframe.describe import describe
from hookframe.errors import LoadError, Origin
from hookframe.hookspecs import API_VERSION, HOOKS, PROJECT
from hookframe.signature import SignatureError, argument_names, refuse_deferred
from hookframe.wording import did_you_mean

if TYPE_CHECKING:
    from hookframe.attempt import Attempt
    from hookframe.decision import Decision
    from hookframe.hookspecs import CodeFiles, Settings, State, Vote

MAIN_HOOK: Final = "pre_delivery_attempt"


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin whose hooks have been found and whose signatures fit.

    Args:
        origin: its name in the chain, its distribution and version.
        subject: the object that implements the hooks.
        decide: the policy, taking exactly attempt, decision and state; for a wrapper it is only
            pluggy that calls the hook.
        wrapper: whether it surrounds the chain.
        file: the file in which `pre_delivery_attempt` stands; empty where that is unknown.
        configure: takes the settings, or None where the plugin takes none.
        code_files: names the files of code that it runs, or None.
        decided: observes each decision, or None.
        remarks: says what is worth a look, or None.
        close: gives back what the plugin holds, or None.
        of_one_generation: whether the subject is made anew for each generation.
    """

    origin: Origin
    subject: object
    decide: Callable[[Attempt, Decision, State], object]
    wrapper: bool = False
    file: str = ""
    configure: Callable[[Settings, CodeFiles], object] | None = None
    code_files: Callable[[Settings], Iterable[str]] | None = None
    decided: Callable[[Attempt, Decision, Sequence[Vote]], object] | None = None
    remarks: Callable[[], Iterable[object]] | None = None
    close: Callable[[], object] | None = None
    of_one_generation: bool = False

    @property
    def name(self) -> str:
        """The plugin's name in the chain."""
        return self.origin.plugin


def plugin_from_object(subject: object, origin: Origin) -> Plugin:
    """Check an object that implements the hooks, including what pluggy lets through.

    Args:
        subject: a module or an instance.
        origin: what its errors are attributed to.

    Returns:
        The plugin, ready for a chain.

    Raises:
        LoadError: it has no implementation, or one that could not work.
    """
    _check_api_version(subject, origin)
    impls = _implementations(subject, origin)
    main = impls.get(MAIN_HOOK)
    if main is None:
        raise LoadError(origin, _no_implementation(subject))
    calls = {hook: _checked_call(impl, hook, origin) for hook, impl in impls.items()}
    return Plugin(
        origin,
        subject,
        decide=calls[MAIN_HOOK],
        wrapper=main.wrapper,
        file=file_of(main.function),
        configure=calls.get("configure"),
        code_files=calls.get("code_files"),
        decided=calls.get("decided"),
        remarks=calls.get("remarks"),
        close=calls.get("close"),
        of_one_generation="code_files" in calls,
    )


def _check_api_version(subject: object, origin: Origin) -> None:
    try:
        declared = getattr(subject, "hookframe_api_version", API_VERSION)
    except Exception as error:  # a property of the object may raise anything
        text = f"can't tell its hookframe_api_version: {describe(error)}"
        raise LoadError(origin, text, error) from error
    if type(declared) is not int or not 1 <= declared <= API_VERSION:
        raise LoadError(
            origin,
            f"was written for version {declared!r} of the hook API; this hookframe has "
            f"{API_VERSION}: install a version of the plugin that fits, or upgrade hookframe",
        )


def _implementations(subject: object, origin: Origin) -> dict[str, pluggy.HookImpl]:
    """Find what the object implements: at most one implementation of each known hook.

    pluggy collects the marks; the signatures are checked here, so that an author reads one kind
    of sentence, and what pluggy lets through is found too.
    """
    manager = pluggy.PluginManager(PROJECT)
    try:
        manager.register(subject, name=origin.plugin)
    except Exception as error:  # a property of the object may raise anything
        raise LoadError(origin, f"can't be registered: {describe(error)}", error) from error
    impls = {}
    for caller in manager.get_hookcallers(subject) or ():
        for impl in caller.get_hookimpls():
            if caller.name in HOOKS:
                impls[caller.name] = impl
            elif not impl.optionalhook:
                raise LoadError(origin, _unknown_hook(caller.name))
        if len(caller.get_hookimpls()) > 1:
            raise LoadError(origin, f"implements {caller.name} more than once")
    return impls


def _unknown_hook(name: str) -> str:
    hint = did_you_mean(name, HOOKS)
    return f"implements an unknown hook {name!r}{hint}; hookframe has {', '.join(HOOKS)}"


def _checked_call(impl: pluggy.HookImpl, hook: str, origin: Origin) -> Callable[..., Any]:
    """Check how one hook is marked and what it takes; return it callable with every argument."""
    refuse_order_mark(hook, origin, marked=impl.tryfirst or impl.trylast)
    if impl.hookwrapper:
        raise LoadError(
            origin, f"{hook} is an old-style hookwrapper; mark it @hookimpl(wrapper=True)"
        )
    if impl.wrapper and hook != MAIN_HOOK:
        raise LoadError(origin, f"{hook} is marked as a wrapper; only {MAIN_HOOK} can be one")
    return checked_call(impl.function, hook, origin, wrapper=impl.wrapper)


def refuse_order_mark(hook: str, origin: Origin, *, marked: bool) -> None:
    """Refuse a hook that wants a place in the chain of its own choice.

    Raises:
        LoadError: it is marked `tryfirst` or `trylast`.
    """
    if marked:
        raise LoadError(
            origin,
            f"{hook} is marked tryfirst or trylast; the order is the operator's: remove the mark, "
            "and put the plugin where it belongs in `chain`",
        )


def checked_call(
    function: Callable[..., Any], hook: str, origin: Origin, *, wrapper: bool = False
) -> Callable[..., Any]:
    """Check one hook's signature, and make it callable with all arguments of its hookspec.

    Args:
        function: the hook as its author wrote it.
        hook: the name of its hookspec.
        origin: what an error is attributed to.
        wrapper: whether it is marked as a wrapper.

    Returns:
        A callable that passes on the arguments which the function names.

    Raises:
        LoadError: it could not be called as its hookspec says.
    """
    try:
        refuse_deferred(function, wrapper=wrapper)
        names = argument_names(function, HOOKS[hook])
    except SignatureError as error:
        raise LoadError(origin, f"{hook} {error}", error) from error
    return with_arguments(function, names, HOOKS[hook])


def with_arguments(
    function: Callable[..., Any], names: tuple[str, ...], given: tuple[str, ...]
) -> Callable[..., Any]:
    """Make a hook callable with all the arguments of its hookspec, passing on those it names.

    Where it names all of them in their order it is returned as it is: nothing is paid for.
    """
    if names == given:
        return function
    return calls_plugins(_adapted(function, names, given))


def _adapted(
    function: Callable[..., Any], names: tuple[str, ...], given: tuple[str, ...]
) -> Callable[..., Any]:
    match names:
        case ():
            return lambda *_: function()
        case ("attempt",):
            return lambda attempt, _, __: function(attempt)
        case ("attempt", "decision"):
            return lambda attempt, decision, _: function(attempt, decision)
        case ("attempt", "state"):
            return lambda attempt, _, state: function(attempt, state)
    positions = tuple(given.index(name) for name in names)
    return lambda *everything: function(*[everything[position] for position in positions])


def file_of(function: Callable[..., Any]) -> str:
    """Name the file in which a callable's code stands; empty where it has none."""
    code = getattr(function, "__code__", None)
    if code is None:
        code = getattr(getattr(type(function), "__call__", None), "__code__", None)  # noqa: B004
    return code.co_filename if code is not None else ""


def _no_implementation(subject: object) -> str:
    """Say why nothing was found: the mark is missing, or another project's, or a class came."""
    candidate = getattr(subject, MAIN_HOOK, None)
    if candidate is None:
        return (
            f"has no implementation: {_kind(subject)} defines no {MAIN_HOOK}; "
            "define it, marked with `from hookframe import hookimpl`"
        )
    marks = [name for name in getattr(candidate, "__dict__", {}) if name.endswith("_impl")]
    if marks:
        return (
            f"has no implementation: {MAIN_HOOK} carries the mark of another project "
            f"({marks[0].removesuffix('_impl')}); mark it with `from hookframe import hookimpl`"
        )
    return (
        f"has no implementation: {MAIN_HOOK} is not marked; put @hookimpl above it "
        "(`from hookframe import hookimpl`)"
    )


def _kind(subject: object) -> str:
    return repr(getattr(subject, "__name__", None) or type(subject).__name__)
