"""The members of a chain under test: plugins, each with its policy and settings."""

from __future__ import annotations

import inspect
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, Final

from hookframe.api.decision import ACTIONS
from hookframe.config.entries import FILE
from hookframe.config.model import Config, PluginTable
from hookframe.config.plugin_policy import Policy
from hookframe.host.source import GivenConfig

if TYPE_CHECKING:
    from hookframe.config.plugin_policy import Mode, OnError

_PREFIX: Final = "hookframe_"


@dataclass(frozen=True, slots=True)
class Member:
    """One plugin of a chain under test; see `member`.

    Args:
        name: its name in the chain.
        subject: the path of a hook file, the name of an installed plugin, or what an entry point
            would name: a module, an object, a class or a factory.
        table: its policy and its settings.
    """

    name: str
    subject: object
    table: PluginTable


def member(
    subject: object,
    *,
    name: str | None = None,
    settings: Mapping[str, Any] | None = None,
    mode: Mode = "enforce",
    on_error: OnError = "tempfail",
    may: Collection[str] | None = None,
    deadline: float | None = None,
    shadow_of: str | None = None,
) -> Member:
    """Make a member of a chain under test: a plugin with its policy and settings.

    Args:
        subject: a `pathlib.Path` is a hook file, a string the name of an installed plugin. Anything
            else is what an entry point would name: a module, an object, a class or a factory.
        name: the name in the chain; None for "file", the name of the installed plugin, or one
            derived from the name of the object's class or module.
        settings: the table `[plugins.NAME.settings]`.
        mode: "enforce", "shadow" or "off"; "shadow" is implied by `shadow_of`.
        on_error: "tempfail" or "skip".
        may: the actions that it may return in addition to normal; None for all.
        deadline: the longest time of one call, in seconds; None for no limit.
        shadow_of: the name of the member with which this one is compared; None for none.

    Raises:
        ValueError: a configuration could not have this value.
    """
    _check_one_of("mode", mode, ("enforce", "shadow", "off"))
    _check_one_of("on_error", on_error, ("tempfail", "skip"))
    for action in may or ():
        _check_one_of("may", action, tuple(ACTIONS))
    allowed = None if may is None else frozenset(may)
    if shadow_of is not None and mode == "enforce":
        mode = "shadow"
    policy = Policy(mode, on_error, allowed, deadline, shadow_of)
    chosen = name if name is not None else _choose_name(subject)
    use = None
    if chosen != FILE and isinstance(subject, (str, Path)):
        use = str(subject.absolute()) if isinstance(subject, Path) else subject
    return Member(chosen, subject, PluginTable(policy, dict(settings or {}), use))


def build_policy(members: Sequence[Member], deadline: float | None) -> GivenConfig:
    """Build the policy whose chain has these members.

    Args:
        members: the plugins in order.
        deadline: the longest time of one attempt, in seconds; None for no limit.

    Raises:
        ValueError: two members have the same name.
    """
    names = tuple(each.name for each in members)
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two members of the chain are named {name!r}: use member(…, name=…)")
    files = [str(each.subject) for each in members if each.name == FILE]
    config = Config(
        chain=names,
        hook_file=files[0] if files else None,
        trust_file_permissions=True,
        deadline=deadline,
        plugins={each.name: each.table for each in members},
    )
    return GivenConfig(config, {each.name: each.subject for each in members if _is_object(each)})


def _is_object(each: Member) -> bool:
    return not isinstance(each.subject, (str, Path))


def _choose_name(subject: object) -> str:
    if isinstance(subject, Path):
        return FILE
    return subject if isinstance(subject, str) else _derive_name(subject)


def _derive_name(subject: object) -> str:
    """Derive a name: hold from hookframe_hold, slow-start from SlowStart."""
    if isinstance(subject, ModuleType):
        own = subject.__name__.rpartition(".")[2].removeprefix(_PREFIX)
    else:
        named = subject if inspect.isclass(subject) or inspect.isroutine(subject) else type(subject)
        own = named.__name__
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|_", "-", own).strip("-").lower()


def _check_one_of(what: str, value: object, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{what} is {value!r}; expected one of {', '.join(allowed)}")
