"""One plugin, checked: whatever it was made from, the chain sees it in this one form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NoReturn

import pluggy

from hookframe._text import did_you_mean, shown
from hookframe.api.errors import LoadError, Origin
from hookframe.api.hookspecs import API_VERSION, HOOKS, OLDEST_API_VERSION, PROJECT
from hookframe.log.exceptions import describe
from hookframe.plugins.signature import (
    SignatureError,
    argument_names,
    file_of,
    refuse_deferred,
    why_not_found,
    with_arguments,
)

if TYPE_CHECKING:
    from hookframe.api.attempt import Attempt
    from hookframe.api.decision import Decision
    from hookframe.api.hookspecs import CodeFiles, Settings, State, Vote
    from hookframe.lifetime import Lifetime

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
        deprecations: what it uses that will go away, a sentence each.
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
    deprecations: tuple[str, ...] = ()

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
    check = HookCheck(subject, origin)
    impls = _implementations(subject, origin)
    main = impls.get(MAIN_HOOK)
    if main is None:
        raise LoadError(origin, why_not_found(subject, MAIN_HOOK))
    calls = {hook: _checked_call(impl, hook, check) for hook, impl in impls.items()}
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
        deprecations=tuple(check.deprecations),
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
            hook = HOOKS.get(caller.name)
            if hook is not None and (hook.is_there(API_VERSION) or not impl.optionalhook):
                impls[caller.name] = impl
            elif not impl.optionalhook:
                raise LoadError(origin, _unknown_hook(caller.name))
        if len(caller.get_hookimpls()) > 1:
            raise LoadError(origin, f"implements {caller.name} more than once")
    return impls


def _unknown_hook(name: str) -> str:
    known = [each for each, hook in HOOKS.items() if hook.is_there(API_VERSION)]
    hint = did_you_mean(name, known)
    return f"implements an unknown hook {name!r}{hint}; hookframe has {', '.join(known)}"


class HookCheck:
    """Checks the hooks of one plugin, one by one, against what the hook API has.

    Args:
        subject: the plugin's module or object, which may declare a version of the hook API.
        origin: what its errors are attributed to.

    Raises:
        LoadError: it was written for a version that this hookframe can't honour.
    """

    def __init__(self, subject: object, origin: Origin) -> None:
        self._origin = origin
        self._declared = _declared_version(subject, origin)
        self.deprecations: list[str] = []
        """what it uses that will go away, a sentence each"""

    def call(
        self,
        function: Callable[..., Any],
        name: str,
        *,
        wrapper: bool = False,
        optional: bool = False,
    ) -> Callable[..., Any]:
        """Check one hook's signature, and make it callable with all arguments of its hookspec.

        Args:
            function: the hook as its author wrote it.
            name: the name of its hookspec.
            wrapper: whether it is marked as a wrapper.
            optional: whether it is there for those versions of hookframe only that have it.

        Returns:
            A callable that passes on the arguments which the function names.

        Raises:
            LoadError: it could not be called as its hookspec says.
        """
        hook = HOOKS[name]
        declared = max(self._declared, hook.since) if optional else self._declared
        self._judge(f"implements {name}", hook, declared)
        given = hook.given(API_VERSION)
        gone = [each.name for each in hook.arguments if each.name not in given]
        try:
            refuse_deferred(function, wrapper=wrapper)
            names = argument_names(function, given, gone)
        except SignatureError as error:
            raise LoadError(self._origin, f"{name} {error}", error) from error
        for argument in hook.arguments:
            if argument.name in names:
                self._judge(f"{name} takes the argument {argument.name!r}", argument, declared)
        return with_arguments(function, names, given)

    def refuse_order_mark(self, name: str, *, marked: bool) -> None:
        """Refuse a hook that wants a place in the chain of its own choice.

        Raises:
            LoadError: it is marked `tryfirst` or `trylast`.
        """
        if marked:
            self.refuse(
                f"{name} is marked tryfirst or trylast; the order is the operator's: remove the "
                "mark, and put the plugin where it belongs in `chain`"
            )

    def refuse(self, text: str) -> NoReturn:
        """Refuse the plugin.

        Raises:
            LoadError: always.
        """
        raise LoadError(self._origin, text)

    def _judge(self, what: str, used: Lifetime, declared: int) -> None:
        """Refuse what is not there for this plugin, and take note of what won't be for long."""
        refusal = used.refusal(API_VERSION, declared)
        if refusal:
            self.refuse(what + refusal)
        notice = used.notice(API_VERSION)
        if notice:
            self.deprecations.append(what + notice)


def _declared_version(subject: object, origin: Origin) -> int:
    """Read which version of the hook API a plugin was written for; this one, if it says nothing."""
    try:
        declared = getattr(subject, "hookframe_api_version", API_VERSION)
    except Exception as error:  # a property of the object may raise anything
        text = f"can't tell its hookframe_api_version: {describe(error)}"
        raise LoadError(origin, text, error) from error
    if type(declared) is not int or declared < 1:
        raise LoadError(
            origin,
            f"declares hookframe_api_version = {shown(declared)}; expected a whole number from 1: "
            f"the version of the hook API that it was written for (this hookframe has "
            f"{API_VERSION})",
        )
    if declared > API_VERSION:
        raise LoadError(
            origin,
            f"was written for version {declared} of the hook API; this hookframe has "
            f"{API_VERSION}: install a version of the plugin that fits, or upgrade hookframe",
        )
    if declared < OLDEST_API_VERSION:
        raise LoadError(
            origin,
            f"was written for version {declared} of the hook API; this hookframe has "
            f"{API_VERSION}, and still takes {OLDEST_API_VERSION}: upgrade the plugin, or "
            "install an older hookframe",
        )
    return declared


def _checked_call(impl: pluggy.HookImpl, name: str, check: HookCheck) -> Callable[..., Any]:
    """Check how one hook is marked and what it takes; return it callable with every argument."""
    check.refuse_order_mark(name, marked=impl.tryfirst or impl.trylast)
    if impl.hookwrapper:
        check.refuse(f"{name} is an old-style hookwrapper; mark it @hookimpl(wrapper=True)")
    if impl.wrapper and name != MAIN_HOOK:
        check.refuse(f"{name} is marked as a wrapper; only {MAIN_HOOK} can be one")
    return check.call(impl.function, name, wrapper=impl.wrapper, optional=impl.optionalhook)
