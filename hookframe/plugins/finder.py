"""Installed plugins: found by name, loaded only if the chain names them."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from hookframe._text import did_you_mean
from hookframe.api.errors import LoadError, Origin
from hookframe.api.hookspecs import PROJECT
from hookframe.api.plugin_code import calls_plugins
from hookframe.config.entries import FILE
from hookframe.log.exceptions import describe
from hookframe.plugins.entry_points import InstalledPlugin, find_damaged, find_entry_points
from hookframe.plugins.plugin import Plugin, plugin_from_object

GROUP: Final = PROJECT
_MOST_NAMED: Final = 3
"""Distributions with damaged metadata that an error names."""


@dataclass(frozen=True, slots=True)
class _ObjectEntryPoint:
    """The entry point of a program's own object."""

    subject: object

    @property
    def value(self) -> str:
        return getattr(self.subject, "__name__", "") or type(self.subject).__name__

    def load(self) -> object:
        return self.subject


class Installed:
    """Every installed plugin by name, as of one reading of the metadata."""

    def __init__(self, found: Iterable[InstalledPlugin]) -> None:
        self._by_name: dict[str, list[InstalledPlugin]] = {}
        for plugin in sorted(found, key=lambda each: (each.name, each.distribution)):
            self._by_name.setdefault(plugin.name, []).append(plugin)

    @classmethod
    def scan(cls) -> Installed:
        """Read the metadata of everything that is installed now."""
        return cls(find_entry_points(GROUP))

    def with_objects(self, subjects: Mapping[str, object]) -> Installed:
        """Add a program's own plugins, which replace installed ones of the same name.

        Args:
            subjects: the target of each entry point, by the plugin's name.
        """
        if not subjects:
            return self
        installed = (each for name in self.names for each in self.claims(name))
        own = (
            InstalledPlugin(name, "", "", _ObjectEntryPoint(subject))
            for name, subject in subjects.items()
        )
        return Installed([*(each for each in installed if each.name not in subjects), *own])

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all installed plugins, sorted."""
        return tuple(self._by_name)

    def claims(self, name: str) -> tuple[InstalledPlugin, ...]:
        """Every installed plugin that claims a name; more than one is a conflict."""
        return tuple(self._by_name.get(name, ()))

    def find(self, name: str, member: str = "") -> InstalledPlugin:
        """Find the one plugin of a name.

        Args:
            name: the plugin's name.
            member: its name in the chain; empty for the same.

        Raises:
            LoadError: it is not installed, or two distributions claim the name.
        """
        claims, origin = self.claims(name), Origin(member or name)
        if not claims:
            raise LoadError(origin, self._describe_missing(name))
        if len(claims) > 1:
            raise LoadError(
                origin,
                f"{len(claims)} installed distributions claim the name {name!r}: "
                f"{' and '.join(f'{each.distribution} {each.version}' for each in claims)}; "
                "uninstall all but one",
            )
        if name == FILE:
            raise LoadError(
                claims[0].origin,
                f"is named {FILE!r}, which stands for the hook file; its author must rename it",
            )
        return claims[0]

    def _describe_missing(self, name: str) -> str:
        hint = did_you_mean(name, self.names)
        installed = ", ".join(self.names) or "none"
        return (
            f"no installed plugin is named {name!r}{hint}; installed: {installed}. "
            "Install it with pip into the environment of hookframe, or take it out of `chain`"
            f"{_describe_damaged(name)}"
        )


def list_damaged() -> list[str]:
    """Describe each installed distribution whose metadata is damaged, in a sentence."""
    return [
        f"the metadata in {path} can't be read, so no plugin of that distribution is found; "
        "install it again"
        for path in find_damaged()
    ]


def _describe_damaged(name: str) -> str:
    """Name the distributions of which one may have the missing plugin, likely ones first."""
    damaged = sorted(find_damaged(), key=lambda path: name not in os.path.basename(path))  # noqa: PTH119
    if not damaged:
        return ""
    more = f" and {len(damaged) - _MOST_NAMED} more" if len(damaged) > _MOST_NAMED else ""
    return (
        f". Metadata that can't be read: {', '.join(damaged[:_MOST_NAMED])}{more}; "
        "if the plugin is in such a distribution, install that again"
    )


@calls_plugins
def load_plugin(plugin: InstalledPlugin, name: str = "") -> Plugin:
    """Import a plugin, call it if it is a class or a factory, and check it.

    Args:
        plugin: what was found.
        name: its name in the chain; empty for its own.

    Returns:
        The plugin, with a new object if its entry point names a class or a factory.

    Raises:
        LoadError: one of these steps failed; it has the distribution and version.
    """
    if name:
        plugin = replace(plugin, name=name)
    target = _import_target(plugin)
    if _is_factory(target):
        if hasattr(target, f"{PROJECT}_impl"):
            raise LoadError(
                plugin.origin,
                f"its entry point {plugin.entry_point.value!r} names one hook; it must name "
                "the module, the class or the object that has the hooks",
            )
        target = _build(target, plugin)
    return plugin_from_object(target, plugin.origin)


def _import_target(found: InstalledPlugin) -> Any:
    try:
        return found.entry_point.load()
    except BaseException as error:
        text = f"can't be imported from {found.entry_point.value!r}: {describe(error)}"
        raise LoadError(found.origin, text, error) from error


def _build(factory: Callable[[], object], found: InstalledPlugin) -> object:
    try:
        return factory()
    except BaseException as error:
        raise LoadError(
            found.origin,
            f"calling {found.entry_point.value!r} without arguments failed: {describe(error)}",
            error,
        ) from error


def _is_factory(target: object) -> bool:
    return (
        inspect.isclass(target)
        or inspect.isroutine(target)
        or isinstance(target, functools.partial)
    )
