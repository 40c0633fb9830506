"""The status of each plugin, in the chain or not, without importing any."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hookframe.api.errors import ConfigError, LoadError, Origin
from hookframe.config.entries import Entry
from hookframe.config.model import Config
from hookframe.plugins.entry_points import InstalledPlugin
from hookframe.plugins.finder import Installed

if TYPE_CHECKING:
    from hookframe.host.source import PolicyFiles

Status = Literal["ok", "missing", "conflict", "unusable"]


@dataclass(frozen=True, slots=True)
class ChainRow:
    """One plugin of the chain.

    Args:
        position: from 1.
        name: the name in the chain.
        distribution: the installed distribution, or the path of the hook file; empty if there is
            none, or more than one.
        version: the distribution's version; empty for the hook file.
        mode: "enforce", "shadow" or "off".
        status: "ok", "missing", "conflict" or "unusable".
        problem: why it can't be used; None if it can.
    """

    position: int
    name: str
    distribution: str
    version: str
    mode: str
    status: Status
    problem: str | None


@dataclass(frozen=True, slots=True)
class UnusedPlugin:
    """An installed plugin that is not in the chain.

    Args:
        name: its name.
        distribution: its distribution.
        version: the distribution's version.
        status: "ok", "conflict" or "unusable".
        problem: why it can't be used; None if it can.
    """

    name: str
    distribution: str
    version: str
    status: Status
    problem: str | None


@dataclass(frozen=True, slots=True)
class PluginsStatus:
    """The status of every plugin.

    Args:
        config: the path of the configuration; None if there is none.
        config_error: its problems; None if it could be read.
        chain: its chain in order; empty if it could not be read.
        others: the other installed plugins, each with its entry point.
    """

    config: str | None
    config_error: ConfigError | None
    chain: Sequence[ChainRow]
    others: Sequence[tuple[UnusedPlugin, InstalledPlugin]]


def compare(policy_files: PolicyFiles, installed: Installed) -> PluginsStatus:
    """Compare the chain of a configuration with the installed plugins."""
    if isinstance(policy_files.config, ConfigError):
        config_error = policy_files.config
        return PluginsStatus(
            config_error.path, config_error, (), [*_list_unused(installed, frozenset())]
        )
    config = policy_files.config
    chain = [
        _build_row(position, entry, config, policy_files, installed)
        for position, entry in enumerate(config.entries(installed.names), start=1)
    ]
    used = {entry.plugin for entry in config.entries(installed.names)}
    rest = [*_list_unused(installed, used)]
    return PluginsStatus(config.path or None, None, chain, rest)


def _list_unused(
    installed: Installed, used: Set[str]
) -> Iterator[tuple[UnusedPlugin, InstalledPlugin]]:
    for name in installed.names:
        if name not in used:
            for claim in installed.claims(name):
                status = _find_status(installed, name)
                yield UnusedPlugin(name, claim.distribution, claim.version, *status), claim


def _build_row(
    position: int, entry: Entry, config: Config, policy_files: PolicyFiles, installed: Installed
) -> ChainRow:
    name, mode = entry.name, config.table(entry.name).policy.mode
    if entry.file:
        problem = None if mode == "off" else policy_files.find_hook_file(entry.file).error
        absent: Status = "unusable" if os.path.lexists(entry.file) else "missing"
        return ChainRow(position, name, entry.file, "", mode, absent if problem else "ok", problem)
    status, problem = _find_status(installed, entry.plugin)
    claims = installed.claims(entry.plugin)
    one = claims[0].origin if len(claims) == 1 else Origin(name)
    return ChainRow(position, name, one.distribution, one.version, mode, status, problem)


def _find_status(installed: Installed, name: str) -> tuple[Status, str | None]:
    """Return the status of a name, and why it can't be used."""
    try:
        installed.find(name)
    except LoadError as error:
        claims = len(installed.claims(name))
        return "missing" if not claims else "conflict" if claims > 1 else "unusable", error.text
    return "ok", None
