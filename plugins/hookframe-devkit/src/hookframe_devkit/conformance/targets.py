"""What is to be checked: an installed plugin, a hook file, or all that a directory holds."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from hookframe.config import FILE, Config, PluginTable, read_config
from hookframe.discovery import GROUP, Installed
from hookframe.errors import ConfigError, HookframeError, LoadError
from hookframe.snapshot import take_snapshot
from hookframe.wording import did_you_mean, shown

SLOW: Final = 1000.0
"""How many times the reference a call may take where nobody says otherwise."""
_PROJECT: Final = "pyproject.toml"
_KEYS: Final = ("settings", "slow")
_NO_HOOKS: Final = re.compile(r"test_.*|.*_test|conftest|setup|noxfile|__.*__")
_DIRECTORY: Final = "{directory}"


class NoTarget(HookframeError):
    """There is nothing to check; the text says what was looked for and what to do."""


@dataclass(frozen=True, slots=True)
class Target:
    """One plugin or hook file.

    Args:
        name: the name of the installed plugin; "file" for a hook file.
        file: the path of the hook file; None for an installed plugin.
        settings: what it is configured with.
        slow: how many times the reference a call may take; None for the usual.
    """

    name: str
    file: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    slow: float | None = None

    @property
    def config(self) -> Config:
        """The policy that is this one and nothing else.

        The permissions of a file are the operator's matter, and not judged.
        """
        return Config(
            chain=(self.name,),
            hook_file=self.file,
            trust_file_permissions=True,
            deadline=None,
            plugins={self.name: PluginTable(settings=self.settings)},
        )

    def __str__(self) -> str:
        return f"plugin {self.name}" if self.file is None else self.file


def find_targets(target: str | Path, config: str | Path | None = None) -> list[Target]:
    """Find what a name stands for.

    Args:
        target: the name of an installed plugin, a hook file, or a directory: a distribution with
            its `pyproject.toml`, or one that holds hook files. A string without a slash that names
            an installed plugin is that one.
        config: a `hookframe.toml` with the settings; without it, those of a directory stand in its
            `pyproject.toml`.

    Raises:
        NoTarget: there is no such thing, or nothing in it, or its settings can't be read.
    """
    installed = Installed.now()
    if isinstance(target, str) and target in installed.names:
        targets = [Target(target)]
    elif Path(target).is_dir():
        targets = _in_directory(Path(target).absolute(), installed)
    elif Path(target).exists():
        targets = [_hook_file(Path(target).absolute())]
    else:
        raise NoTarget(_nothing(target, installed))
    if config is None:
        return targets
    tables = _configured(Path(config))
    return [replace(each, settings=tables.get(each.name, {})) for each in targets]


def targets_of(policy: Config) -> list[Target]:
    """Give every plugin of a policy's chain, with its settings.

    Args:
        policy: the configuration.

    Raises:
        NoTarget: the chain is empty.
    """
    names = policy.order(Installed.now().names)
    if not names:
        raise NoTarget(
            "the chain is empty, so there is nothing to check: name a plugin, a hook file or a "
            "directory"
        )
    return [
        Target(name, policy.hook_file if name == FILE else None, policy.table(name).settings)
        for name in names
    ]


def _hook_file(path: Path) -> Target:
    if path.suffix == ".toml":
        raise NoTarget(
            f"{path} is a configuration: name a plugin of it, and the configuration with --config"
        )
    table = _tables(path.parent).get(path.stem, {})
    return Target(FILE, str(path), **table)


def _in_directory(directory: Path, installed: Installed) -> list[Target]:
    project = _project(directory)
    names = project.get("project", {}).get("entry-points", {}).get(GROUP, {})
    if names:
        return list(_distribution(directory, project["project"], names, installed))
    files = [each for each in sorted(directory.glob("*.py")) if not _NO_HOOKS.fullmatch(each.stem)]
    if not files:
        raise NoTarget(
            f"{directory} holds nothing to check: neither a {_PROJECT} with entry points in the "
            f"group {GROUP!r}, nor hook files (*.py)"
        )
    return [_hook_file(each) for each in files]


def _distribution(
    directory: Path, project: Mapping[str, Any], names: Mapping[str, Any], installed: Installed
) -> Iterator[Target]:
    """Give the plugins of a distribution, each as it is installed."""
    tables = _tables(directory)
    unknown = sorted(tables.keys() - names.keys())
    if unknown:
        raise NoTarget(
            f"{directory / _PROJECT}: [tool.hookframe.verify.{unknown[0]}] is for no plugin of the "
            f"project{did_you_mean(unknown[0], names)}; it has {', '.join(names)}"
        )
    for name in names:
        claims = installed.claims(name)
        own = _normal(str(project.get("name", "")))
        if not any(_normal(claim.distribution) == own for claim in claims):
            raise NoTarget(
                f"the plugin {name} of {directory} is not installed in this environment: "
                f"pip install --editable {directory}"
            )
        yield Target(name, **tables.get(name, {}))


def _normal(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()


def _project(directory: Path) -> dict[str, Any]:
    path = directory / _PROJECT
    if not path.exists():
        return {}
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise NoTarget(f"{path} can't be read: {error}") from None


def _tables(directory: Path) -> dict[str, dict[str, Any]]:
    """Read the tables `[tool.hookframe.verify.NAME]` of a directory."""
    tool = _project(directory).get("tool", {})
    tables = tool.get("hookframe", {}).get("verify", {})
    path = directory / _PROJECT
    return {name: _table(name, table, directory, path) for name, table in tables.items()}


def _table(name: str, table: Any, directory: Path, path: Path) -> dict[str, Any]:
    where = f"{path}: [tool.hookframe.verify.{name}]"
    if not isinstance(table, dict):
        raise NoTarget(f"{where} must be a table, not {shown(table)}")
    for key in table:
        if key not in _KEYS:
            hint = did_you_mean(key, _KEYS)
            raise NoTarget(f"{where} has an unknown key {shown(key)}{hint}; known: settings, slow")
    settings, slow = table.get("settings", {}), table.get("slow")
    if not isinstance(settings, dict):
        raise NoTarget(f"{where}: settings must be a table, not {shown(settings)}")
    if slow is not None and (type(slow) not in (int, float) or slow <= 0):
        raise NoTarget(f"{where}: slow must be a number above 0, not {shown(slow)}")
    return {"settings": _in_place(settings, str(directory)), "slow": slow}


def _in_place(value: Any, directory: str) -> Any:
    """Put a directory's path in the place of `{directory}`, however deep it stands."""
    if isinstance(value, str):
        return value.replace(_DIRECTORY, directory)
    if isinstance(value, list):
        return [_in_place(each, directory) for each in value]
    if isinstance(value, dict):
        return {key: _in_place(each, directory) for key, each in value.items()}
    return value


def _configured(path: Path) -> dict[str, Mapping[str, Any]]:
    """Read the settings of each plugin from a `hookframe.toml`."""
    try:
        config = read_config(take_snapshot(str(path.absolute())))
    except ConfigError as error:
        raise NoTarget(str(error)) from None
    return {name: table.settings for name, table in config.plugins.items()}


def _nothing(target: str | Path, installed: Installed) -> str:
    if isinstance(target, Path) or "/" in target or target.endswith(".py"):
        return f"{target} does not exist; expected a hook file, or a directory"
    try:
        installed.find(target)
    except LoadError as error:
        return f"{error.text.partition('. Install it')[0]}; nor is there a file of that name"
    return f"{target} can't be found"
