"""The settings that installed plugins declare, by entry points of the group `hookframe.settings`.

Such an entry point has the plugin's name, and its target is the dataclass or msgspec Struct of
the settings. Loading that class imports the module that defines it, and the packages around it.
"""

from __future__ import annotations

import inspect
import json
import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from hookframe.log.exceptions import describe
from hookframe.plugins.entry_points import find_entry_points

GROUP: Final = "hookframe.settings"
_DOCUMENTED: Final = re.compile(r"^    (\w+): (.+(?:\n {8,}.+)*)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a plugin.

    Args:
        name: its key.
        type: the JSON Schema of its value.
        default: its default as it stands in TOML; None if there is none.
        text: what it is for, of the section "Args" of the class; empty if that has no such line.
    """

    name: str
    type: dict[str, Any]
    default: str | None
    text: str


class SettingsError(ValueError):
    """The declared settings of a plugin can't be read."""


def declared_settings() -> dict[str, type]:
    """Load the classes of all declared settings that can be loaded, by the plugins' names."""
    found = {}
    for name in {point.name for point in find_entry_points(GROUP)}:
        try:
            found[name] = _load(name)
        except SettingsError:
            continue
    return found


def list_settings(plugin: str) -> tuple[Setting, ...] | None:
    """List the settings of an installed plugin.

    Returns:
        The settings; None if the plugin declares none.

    Raises:
        SettingsError: they are declared, but can't be read.
    """
    if all(point.name != plugin for point in find_entry_points(GROUP)):
        return None
    subject = _load(plugin)
    texts = dict(_DOCUMENTED.findall(_read_args(subject)))
    return tuple(
        Setting(
            name,
            {key: value for key, value in schema.items() if key != "default"},
            _format_default(schema.get("default")),
            " ".join(texts.get(name, "").split()),
        )
        for name, schema in build_schema(subject).get("properties", {}).items()
    )


def build_schema(subject: type) -> dict[str, Any]:
    """Return the JSON Schema of a class of settings, complete in itself."""
    (schema,), components = msgspec.json.schema_components([subject])
    named: dict[str, Any] = components.get(schema.get("$ref", "").rpartition("/")[2], schema)
    if named.get("type") != "object":
        raise TypeError(f"{subject.__name__} is neither a dataclass nor a msgspec Struct")
    return named


def _load(plugin: str) -> type:
    """Load the class that a plugin declares.

    Raises:
        SettingsError: it can't be loaded, or is no dataclass or Struct that has a schema.
    """
    points = [point for point in find_entry_points(GROUP) if point.name == plugin]
    try:
        subject: type = points[0].entry_point.load()
        build_schema(subject)
    except (Exception, SystemExit) as error:  # foreign code may raise anything
        text = f"its declared settings can't be read: {describe(error)}"
        raise SettingsError(text) from error
    return subject


def _read_args(subject: type) -> str:
    return inspect.cleandoc(subject.__doc__ or "").partition("Args:\n")[2]


def _format_default(default: object) -> str | None:
    return None if default is None else json.dumps(default, ensure_ascii=False)
