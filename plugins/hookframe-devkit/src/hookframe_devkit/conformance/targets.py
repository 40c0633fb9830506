"""What to check: an installed plugin, a hook file, or everything in a directory."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from hookframe._text import did_you_mean
from hookframe.api.errors import LoadError
from hookframe.config.entries import FILE, Entry
from hookframe.config.model import Config, PluginTable
from hookframe.plugins.finder import GROUP, Installed
from hookframe_devkit.conformance.settings import (
    PROJECT,
    Lookup,
    NoTarget,
    project_tables,
    read_project,
)

SLOW: Final = 1000.0
"""The default longest time of a call, in multiples of the reference."""
_NO_HOOKS: Final = re.compile(r"test_.*|.*_test|conftest|setup|noxfile|__.*__")
_PROJECT_ALONE: Final = Lookup()


@dataclass(frozen=True, slots=True)
class Target:
    """One plugin or hook file.

    Args:
        name: the name of the installed plugin; "file" for a hook file.
        file: the path of the hook file; None for an installed plugin.
        settings: its settings.
        slow: the longest time of a call, in multiples of the reference; None for the default.
        settings_from: the source of the settings, as text.
        config: the configuration that has the settings; None for any other source.
        use: the installed plugin that the name stands for; None for the plugin of this name.
    """

    name: str
    file: str | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    slow: float | None = None
    settings_from: str = ""
    config: str | None = None
    use: str | None = None

    @property
    def policy(self) -> Config:
        """A policy of this plugin alone; the permissions of its file are not checked."""
        return Config(
            path=self.config or "",
            chain=(self.name,),
            hook_file=self.file,
            trust_file_permissions=True,
            deadline=None,
            plugins={self.name: PluginTable(settings=self.settings, use=self.use)},
        )

    def __str__(self) -> str:
        return f"plugin {self.name}" if self.file is None else self.file


def find_targets(target: str | Path, lookup: Lookup = _PROJECT_ALONE) -> list[Target]:
    """Find the plugins to check.

    Args:
        target: the name of an installed plugin, a hook file, or a directory: a distribution with
            its `pyproject.toml`, or a collection of hook files. The name of an installed plugin
            goes first; its project is the working directory.
        lookup: further sources of settings.

    Raises:
        NoTarget: it does not exist, is empty, or its settings can't be read.
    """
    installed = Installed.scan()
    if isinstance(target, str) and target in installed.names:
        return [_target(target, None, Path.cwd(), lookup)]
    if Path(target).is_dir():
        return _in_directory(Path(target).absolute(), installed, lookup)
    if Path(target).exists():
        return [_hook_file(Path(target).absolute(), lookup)]
    raise NoTarget(_nothing(target, installed))


def targets_of(policy: Config, lookup: Lookup) -> list[Target]:
    """List every plugin of a policy's chain, with its settings.

    Args:
        policy: the configuration.
        lookup: sources of settings other than the project, which is the working directory.

    Raises:
        NoTarget: the chain is empty, or settings can't be read.
    """
    entries = policy.members(Installed.scan().names)
    if not entries:
        raise NoTarget(
            "the chain is empty, so there is nothing to check: name a plugin, a hook file or a "
            "directory"
        )
    return [_member(entry, lookup) for entry in entries]


def _member(entry: Entry, lookup: Lookup) -> Target:
    if entry.file:
        return _hook_file(Path(entry.file), lookup)
    return replace(_target(entry.name, None, Path.cwd(), lookup), use=entry.plugin)


def _target(name: str, file: str | None, directory: Path, lookup: Lookup) -> Target:
    found = lookup.find(name, file, directory)
    return Target(name, file, found.settings, found.slow, found.source, found.config)


def _hook_file(path: Path, lookup: Lookup) -> Target:
    if path.suffix == ".toml":
        raise NoTarget(
            f"{path} is a configuration: name a plugin of it, and the configuration with --config"
        )
    return _target(FILE, str(path), path.parent, lookup)


def _in_directory(directory: Path, installed: Installed, lookup: Lookup) -> list[Target]:
    project = read_project(directory)
    names = project.get("project", {}).get("entry-points", {}).get(GROUP, {})
    if names:
        _check_distribution(directory, project["project"], names, installed)
        return [_target(name, None, directory, lookup) for name in names]
    files = [each for each in sorted(directory.glob("*.py")) if not _NO_HOOKS.fullmatch(each.stem)]
    if not files:
        raise NoTarget(
            f"{directory} has nothing to check: neither a {PROJECT} with entry points in the "
            f"group {GROUP!r}, nor hook files (*.py)"
        )
    return [_hook_file(each, lookup) for each in files]


def _check_distribution(
    directory: Path, project: Mapping[str, Any], names: Mapping[str, Any], installed: Installed
) -> None:
    """Check that a distribution's plugins are installed, and its tables name them."""
    unknown = sorted(project_tables(directory).keys() - names.keys())
    if unknown:
        raise NoTarget(
            f"{directory / PROJECT}: [tool.hookframe.verify.{unknown[0]}] is for no plugin of the "
            f"project{did_you_mean(unknown[0], names)}; it has {', '.join(names)}"
        )
    own = _normal(str(project.get("name", "")))
    for name in names:
        if not any(_normal(each.distribution) == own for each in installed.claims(name)):
            raise NoTarget(
                f"the plugin {name} of {directory} is not installed in this environment: "
                f"pip install --editable {directory}"
            )


def _normal(name: str) -> str:
    return re.sub("[-_.]+", "-", name).lower()


def _nothing(target: str | Path, installed: Installed) -> str:
    if isinstance(target, Path) or "/" in target or target.endswith(".py"):
        return f"{target} does not exist; expected a hook file, or a directory"
    try:
        installed.find(target)
    except LoadError as error:
        return f"{error.text.partition('. Install it')[0]}; nor is there a file of that name"
    return f"{target} can't be found"
