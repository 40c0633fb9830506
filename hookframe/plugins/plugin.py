"""One checked plugin, in the form that the chain uses, whatever its source."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pluggy

from hookframe._text import did_you_mean, short_repr
from hookframe.api import hookspecs
from hookframe.api.errors import LoadError, Origin
from hookframe.api.hookspecs import API_VERSION, HOOKS, PROJECT
from hookframe.log.exceptions import describe
from hookframe.plugins.signature import (
    SignatureError,
    adapt_arguments,
    explain_missing_hook,
    find_source_file,
    read_argument_names,
    refuse_deferred,
)

if TYPE_CHECKING:
    from hookframe.api.attempt import Attempt
    from hookframe.api.decision import Decision
    from hookframe.api.hookspecs import CodeFiles, Settings, State, Vote

MAIN_HOOK: Final = "pre_delivery_attempt"


@dataclass(frozen=True, slots=True)
class Plugin:
    """A plugin with its hooks found and their signatures checked.

    Args:
        origin: its name in the chain, its distribution and version.
        subject: the object that implements the hooks.
        decide: the policy, taking exactly attempt, decision and state; pluggy alone calls that of
            a wrapper.
        wrapper: whether it surrounds the chain.
        file: the file that defines `pre_delivery_attempt`; empty if unknown.
        configure: takes the settings, or None.
        code_files: lists the files of code that it runs, or None.
        decided: observes each decision, or None.
        remarks: returns remarks for the administrator, or None.
        close: releases what the plugin holds, or None.
        keeps_state: whether its `configure` takes the state directory.
        deprecations: deprecated hooks and arguments that it uses, a sentence each.
    """

    origin: Origin
    subject: object
    decide: Callable[[Attempt, Decision, State], object]
    wrapper: bool = False
    file: str = ""
    configure: Callable[[Settings, CodeFiles, str | None, str], object] | None = None
    code_files: Callable[[Settings, str], Iterable[str]] | None = None
    decided: Callable[[Attempt, Decision, Sequence[Vote]], object] | None = None
    remarks: Callable[[], Iterable[object]] | None = None
    close: Callable[[], object] | None = None
    keeps_state: bool = False
    deprecations: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The plugin's name in the chain."""
        return self.origin.plugin


def plugin_from_object(subject: object, origin: Origin) -> Plugin:
    """Check an object that implements the hooks, more strictly than pluggy.

    Args:
        subject: a module or an instance.
        origin: the origin of its errors.

    Returns:
        The plugin, ready for a chain.

    Raises:
        LoadError: an implementation is missing or could not work.
    """
    check = HookCheck(subject, origin)
    impls = _find_implementations(subject, origin)
    main = impls.get(MAIN_HOOK)
    if main is None:
        raise LoadError(origin, explain_missing_hook(subject, MAIN_HOOK))
    calls = {hook: _check_call(impl, hook, check) for hook, impl in impls.items()}
    return Plugin(
        origin,
        subject,
        decide=calls[MAIN_HOOK],
        wrapper=main.wrapper,
        file=find_source_file(main.function),
        configure=calls.get("configure"),
        code_files=calls.get("code_files"),
        decided=calls.get("decided"),
        remarks=calls.get("remarks"),
        close=calls.get("close"),
        keeps_state=check.keeps_state,
        deprecations=tuple(check.deprecations),
    )


def _find_implementations(subject: object, origin: Origin) -> dict[str, pluggy.HookImpl]:
    """Find the object's implementations, at most one of each known hook."""
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
                raise LoadError(origin, _describe_unknown_hook(caller.name))
        if len(caller.get_hookimpls()) > 1:
            raise LoadError(origin, f"implements {caller.name} more than once")
    return impls


def _describe_unknown_hook(name: str) -> str:
    hint = did_you_mean(name, HOOKS)
    return f"implements an unknown hook {name!r}{hint}; hookframe has {', '.join(HOOKS)}"


class HookCheck:
    """Checks the hooks of one plugin against the hook API.

    Args:
        subject: the plugin's module or object, which may declare a version of the hook API.
        origin: the origin of its errors.

    Raises:
        LoadError: this hookframe does not support the declared version.
    """

    def __init__(self, subject: object, origin: Origin) -> None:
        self._origin = origin
        _refuse_newer(subject, origin)
        self.deprecations: list[str] = []
        """deprecated hooks and arguments that it uses, a sentence each"""
        self.keeps_state = False
        """whether `configure` takes the state directory"""

    def call(
        self,
        function: Callable[..., Any],
        name: str,
        *,
        wrapper: bool = False,
    ) -> Callable[..., Any]:
        """Check one hook's signature, and adapt it to all arguments of its hookspec.

        Args:
            function: the hook.
            name: the name of its hookspec.
            wrapper: whether it is marked as a wrapper.

        Returns:
            A callable that passes the arguments that the hook takes.

        Raises:
            LoadError: the signature does not fit the hookspec.
        """
        given = HOOKS[name]
        try:
            refuse_deferred(function, wrapper=wrapper)
            names = read_argument_names(function, given)
        except SignatureError as error:
            raise LoadError(self._origin, f"{name} {error}", error) from error
        self.deprecations += _deprecations(name, names)
        self.keeps_state = self.keeps_state or "state_directory" in names
        return adapt_arguments(function, names, given)

    def refuse_order_mark(self, name: str, *, marked: bool) -> None:
        """Reject tryfirst and trylast: the configuration sets the order.

        Raises:
            LoadError: it is marked `tryfirst` or `trylast`.
        """
        if marked:
            self.refuse(
                f"{name} is marked tryfirst or trylast; the configuration sets the order: "
                "remove the mark, and put the plugin in its place in `chain`"
            )

    def refuse(self, text: str) -> NoReturn:
        """Reject the plugin.

        Raises:
            LoadError: always.
        """
        raise LoadError(self._origin, text)


def _deprecations(hook: str, arguments: Iterable[str]) -> Iterator[str]:
    """List the deprecated hooks and arguments that a plugin uses."""
    # pluggy's own warnings are hidden by default, and don't have the plugin's name.
    marks = pluggy.PluginManager(PROJECT).parse_hookspec_opts(hookspecs, hook)
    if marks is None:
        return
    if marks["warn_on_impl"] is not None:
        yield f"implements {hook}, which is deprecated: {marks['warn_on_impl']}"
    warnings = marks["warn_on_impl_args"] or {}
    for name in arguments:
        if name in warnings:
            yield f"{hook} takes the argument {name!r}, which is deprecated: {warnings[name]}"


def _refuse_newer(subject: object, origin: Origin) -> None:
    """Reject a plugin that was written for a newer version of the hook API."""
    try:
        declared = getattr(subject, "hookframe_api_version", API_VERSION)
    except Exception as error:  # a property of the object may raise anything
        text = f"can't tell its hookframe_api_version: {describe(error)}"
        raise LoadError(origin, text, error) from error
    if type(declared) is not int or declared < 1:
        raise LoadError(
            origin,
            f"declares hookframe_api_version = {short_repr(declared)}; expected a whole number "
            f"from 1: the version of the hook API that it was written for (this hookframe has "
            f"{API_VERSION})",
        )
    if declared > API_VERSION:
        raise LoadError(
            origin,
            f"was written for version {declared} of the hook API; this hookframe has "
            f"{API_VERSION}: install a version of the plugin that fits, or upgrade hookframe",
        )


def _check_call(impl: pluggy.HookImpl, name: str, check: HookCheck) -> Callable[..., Any]:
    """Check the marks and the signature of one hook; return it adapted to every argument."""
    check.refuse_order_mark(name, marked=impl.tryfirst or impl.trylast)
    if impl.hookwrapper:
        check.refuse(f"{name} is an old-style hookwrapper; mark it @hookimpl(wrapper=True)")
    if impl.wrapper and name != MAIN_HOOK:
        check.refuse(f"{name} is marked as a wrapper; only {MAIN_HOOK} can be one")
    return check.call(impl.function, name, wrapper=impl.wrapper)
