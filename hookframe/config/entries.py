"""The entries of a chain: which plugin or hook file stands in it, and under which name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Final

from hookframe._text import did_you_mean

if TYPE_CHECKING:
    from hookframe.config.model import PluginTable

FILE: Final = "file"
"""The name of the hook file that `hook_file` names, reserved for it."""
_SUFFIX: Final = ".py"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a chain.

    Args:
        name: its name in logs and tables, unique in the chain.
        plugin: the name of an installed plugin; empty for a hook file.
        file: the absolute path of a hook file; empty for a plugin.
    """

    name: str
    plugin: str = ""
    file: str = ""


def is_path(text: str) -> bool:
    """Return whether an entry of the chain, or `use`, is the path of a hook file."""
    return "/" in text or text.endswith(_SUFFIX)


def name_of(text: str) -> str:
    """Return the name of an entry of the chain: of a path its file name without `.py`."""
    return PurePath(text).name.removesuffix(_SUFFIX) if is_path(text) else text


def resolve_path(config_path: str, path: str) -> str:
    """Resolve a path relative to the directory of a configuration file.

    Args:
        config_path: the configuration file; empty if there is none.
        path: the path, relative or not.
    """
    return str(Path(find_directory(config_path)) / path)


def find_directory(config_path: str) -> str:
    """Return the directory to which paths are relative: that of the configuration file.

    Args:
        config_path: the configuration file; empty for the current directory.
    """
    return str(Path(config_path).absolute().parent if config_path else Path.cwd())


def find_mistakes(
    listed: Iterable[str], tables: Mapping[str, PluginTable]
) -> list[tuple[tuple[str, ...], str]]:
    """Find entries and tables that contradict each other.

    Args:
        listed: the entries of the chain, as they are written.
        tables: the tables `[plugins.NAME]`.

    Returns:
        The path of each wrong key, and what is wrong with it.
    """
    by_name: dict[str, str] = {}
    found: list[tuple[tuple[str, ...], str]] = []
    for text in listed:
        name = name_of(text)
        other = by_name.setdefault(name, text)
        if other != text:
            found.append((("chain",), _describe_equal_names(name, other, text)))
        elif is_path(text) and name in tables and tables[name].use is not None:
            found.append(
                (
                    ("plugins", name, "use"),
                    f'is set, but "{name}" stands for the hook file {text} in chain; '
                    f'write "{name}" there instead of the path, or take `use` out',
                )
            )
    for name, table in tables.items():
        target = table.policy.shadow_of
        if target is None or table.policy.mode == "off" or name not in by_name:
            continue
        text = _describe_wrong_target(name, target, by_name, tables)
        if text:
            found.append((("plugins", name, "shadow_of"), text))
    return found


def _describe_equal_names(name: str, one: str, other: str) -> str:
    path = other if is_path(other) else one
    return (
        f'has "{one}" and "{other}", both named "{name}"; give one of them a name of its own: '
        f'write "{name}-2" in chain instead of "{path}", and [plugins.{name}-2] with '
        f'use = "{path}"'
    )


def _describe_wrong_target(
    name: str, target: str, names: Iterable[str], tables: Mapping[str, PluginTable]
) -> str:
    if target == name:
        return "names the plugin itself; it must name another one in the chain"
    if target not in names:
        return f'"{target}" is not in the chain{did_you_mean(target, names)}'
    if target in tables and tables[target].policy.mode == "off":
        return f'"{target}" is not called: its mode is "off"'
    return ""
