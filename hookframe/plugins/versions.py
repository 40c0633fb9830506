"""Versions of distributions: what is installed now, beside what a process runs."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Mapping
from contextlib import suppress

import importlib_metadata


def installed_versions(names: Iterable[str]) -> dict[str, str]:
    """Read the versions of installed distributions from their metadata: nothing is imported.

    Args:
        names: the names of distributions, in any spelling (`a-b`, `A_b`).

    Returns:
        The version of each, by its name as it was given. Those that are not installed, or whose
        metadata is damaged, are missing.
    """
    importlib.invalidate_caches()
    versions = {name: _read_version(name) for name in names}
    return {name: version for name, version in versions.items() if version is not None}


def describe_upgrades(running: Mapping[str, str], installed: Mapping[str, str]) -> list[str]:
    """Describe which installed versions differ from those that run.

    Args:
        running: the version of each distribution that runs.
        installed: what `installed_versions` returns for these names.

    Returns:
        A sentence for each difference, in name order. A distribution that is missing in
        `installed` is none: its metadata may be damaged, or pip may be replacing it.
    """
    return [
        f"{name} {installed[name]} is installed, {version} runs"
        for name, version in sorted(running.items())
        if installed.get(name, version) != version
    ]


def _read_version(name: str) -> str | None:
    with suppress(Exception):  # damaged metadata raises anything
        version: object = importlib_metadata.version(name)
        if isinstance(version, str) and version:
            return version
    return None
