"""Where each plugin stands: its place in the chain, or outside of it; nothing is imported."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from hookframe.api.errors import ConfigError, LoadError, Origin
from hookframe.config.model import FILE, Config
from hookframe.plugins.finder import Installed, InstalledPlugin

if TYPE_CHECKING:
    from hookframe.host.source import PolicyFiles

Status = Literal["ok", "missing", "conflict", "unusable"]


@dataclass(frozen=True, slots=True)
class ChainRow:
    """One place in the chain.

    Args:
        position: from 1.
        name: the name in the chain.
        distribution: the installed distribution, or the path of the hook file; empty where there
            is none, or more than one.
        version: the distribution's version; empty for the hook file.
        mode: "enforce" or "shadow".
        status: "ok", "missing", "conflict" or "unusable".
        problem: why it can't be there; None where nothing is wrong.
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
        problem: why it could not be in the chain; None where nothing is wrong.
    """

    name: str
    distribution: str
    version: str
    status: Status
    problem: str | None


@dataclass(frozen=True, slots=True)
class PluginsStatus:
    """Where every plugin stands.

    Args:
        config: the path of the configuration; None where there is none.
        wrong: what is wrong with it; None where it could be read.
        chain: its chain in order; empty where it could not be read.
        others: what is installed besides, each with where it was found.
    """

    config: str | None
    config_error: ConfigError | None
    chain: Sequence[ChainRow]
    others: Sequence[tuple[UnusedPlugin, InstalledPlugin]]


def compare(policy_files: PolicyFiles, installed: Installed) -> PluginsStatus:
    """Compare what a configuration names with what is installed.

    Args:
        material: the configuration and the hook file, as they were read.
        installed: what is installed.
    """
    if isinstance(policy_files.config, ConfigError):
        config_error = policy_files.config
        return PluginsStatus(
            config_error.path, config_error, (), [*_list_unused(installed, frozenset())]
        )
    config = policy_files.config
    chain = [
        _build_row(position, name, config, policy_files, installed)
        for position, name in enumerate(config.order(installed.names), start=1)
    ]
    rest = [*_list_unused(installed, {member.name for member in chain})]
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
    position: int, name: str, config: Config, policy_files: PolicyFiles, installed: Installed
) -> ChainRow:
    mode = config.table(name).policy.mode
    if name == FILE and policy_files.hook_file is not None:
        path, problem = policy_files.hook_file.path, policy_files.hook_file.error
        absent: Status = "unusable" if os.path.lexists(path) else "missing"
        return ChainRow(position, name, path, "", mode, absent if problem else "ok", problem)
    status, problem = _find_status(installed, name)
    claims = installed.claims(name)
    one = claims[0].origin if len(claims) == 1 else Origin(name)
    return ChainRow(position, name, one.distribution, one.version, mode, status, problem)


def _find_status(installed: Installed, name: str) -> tuple[Status, str | None]:
    """Say whether a name can be used, and if not, why."""
    try:
        installed.find(name)
    except LoadError as error:
        claims = len(installed.claims(name))
        return "missing" if not claims else "conflict" if claims > 1 else "unusable", error.text
    return "ok", None
