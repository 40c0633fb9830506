"""The settings of a verified plugin.

They come from the named configuration, else from the `pyproject.toml` of the project, else from the
default configuration.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from hookframe._text import did_you_mean, short_repr
from hookframe.api.errors import ConfigError, HookframeError
from hookframe.config.model import Config, read_config
from hookframe.files.snapshot import take_snapshot

PROJECT: Final = "pyproject.toml"
_KEYS: Final = ("settings", "slow")
_DIRECTORY: Final = "{directory}"


class NoTarget(HookframeError):
    """There is nothing to verify; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Found:
    """The settings of one plugin.

    Args:
        settings: the settings, perhaps empty.
        source: their source, as text.
        config: the configuration that has them; None for any other source.
        slow: the longest time of a call, in multiples of the reference; None for the default.
    """

    settings: Mapping[str, Any]
    source: str
    config: str | None = None
    slow: float | None = None


@dataclass(frozen=True, slots=True)
class Lookup:
    """The sources of settings other than the project.

    Args:
        named: the path of a configuration that is read instead of the project.
        default: the path of a configuration that is read after the project.
    """

    named: str | None = None
    default: str | None = None

    def find(self, name: str, file: str | None, directory: Path) -> Found:
        """Find the settings of one plugin.

        Args:
            name: its name in a chain.
            file: the path of a hook file; None for an installed plugin.
            directory: the directory of its project.

        Raises:
            NoTarget: a file can't be read; the text says why.
        """
        key = name if file is None else Path(file).stem
        table = project_tables(directory).get(key, {})
        return self._found(name, file, table, f"{directory / PROJECT}", key)

    def _found(
        self, name: str, file: str | None, table: Mapping[str, Any], project: str, key: str
    ) -> Found:
        slow = table.get("slow")
        in_project = f"[tool.hookframe.verify.{key}]"
        if self.named is None and "settings" in table:
            return Found(table["settings"], f"{project} {in_project}", slow=slow)
        path = self.default if self.named is None else self.named
        if path is not None:
            path = str(Path(path).absolute())
            config = _read(path)
            entry = next((each for each in config.entries() if _is_same(file, each.file)), None)
            name = name if entry is None else entry.name
            in_config = f"[plugins.{name}.settings]"
            meant = self.named is not None or file is None or entry is not None
            if meant and name in config.plugins:
                settings = config.plugins[name].settings
                return Found(settings, f"{path} {in_config}", path, slow)
            lacks = f"{path} has no {in_config}" if meant else f"{path} is for no such hook file"
        missing = [] if self.named is not None else [f"{project} has no {in_project}"]
        missing += [] if path is None else [lacks]
        return Found({}, f"none: {', and '.join(missing)}", slow=slow)


def read_project(directory: Path) -> dict[str, Any]:
    """Read the `pyproject.toml` of a directory; empty if there is none.

    Raises:
        NoTarget: it can't be read.
    """
    path = directory / PROJECT
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise NoTarget(f"{path} can't be read: {error}") from None


def project_tables(directory: Path) -> dict[str, dict[str, Any]]:
    """Read the tables `[tool.hookframe.verify.NAME]` of a directory.

    Raises:
        NoTarget: the file can't be read, or a table is invalid.
    """
    tool = read_project(directory).get("tool", {})
    tables = tool.get("hookframe", {}).get("verify", {})
    path = directory / PROJECT
    return {name: _table(name, table, directory, path) for name, table in tables.items()}


def _table(name: str, table: Any, directory: Path, path: Path) -> dict[str, Any]:
    where = f"{path}: [tool.hookframe.verify.{name}]"
    if not isinstance(table, dict):
        raise NoTarget(f"{where} must be a table, not {short_repr(table)}")
    for key in table:
        if key not in _KEYS:
            hint = did_you_mean(key, _KEYS)
            raise NoTarget(
                f"{where} has an unknown key {short_repr(key)}{hint}; known: settings, slow"
            )
    settings, slow = table.get("settings", {}), table.get("slow")
    if not isinstance(settings, dict):
        raise NoTarget(f"{where}: settings must be a table, not {short_repr(settings)}")
    if slow is not None and (type(slow) not in (int, float) or slow <= 0):
        raise NoTarget(f"{where}: slow must be a number above 0, not {short_repr(slow)}")
    return {**table, **({"settings": _in_place(settings, str(directory))} if settings else {})}


def _in_place(value: Any, directory: str) -> Any:
    """Replace `{directory}` by a directory's path, at any depth."""
    if isinstance(value, str):
        return value.replace(_DIRECTORY, directory)
    if isinstance(value, list):
        return [_in_place(each, directory) for each in value]
    if isinstance(value, dict):
        return {key: _in_place(each, directory) for key, each in value.items()}
    return value


def _is_same(file: str | None, other: str) -> bool:
    return file is not None and other != "" and os.path.realpath(file) == os.path.realpath(other)


def _read(path: str) -> Config:
    try:
        return read_config(take_snapshot(path))
    except ConfigError as error:
        raise NoTarget(str(error)) from None
