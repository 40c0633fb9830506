"""Entry points of installed distributions, read from their metadata: nothing is imported."""

from __future__ import annotations

import importlib
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

import importlib_metadata

from hookframe.api.errors import Origin

_HEADERS: Final = re.compile(r"^(Name|Version):[ \t]*(\S+)[ \t]*$", re.MULTILINE)


class EntryPoint(Protocol):
    """Where a plugin comes from: an entry point or a program's own object."""

    @property
    def value(self) -> str:
        """The name of its target, for error texts."""

    def load(self) -> Any:
        """Return its target."""


@dataclass(frozen=True, slots=True)
class InstalledPlugin:
    """The metadata of an installed plugin; nothing has been imported."""

    name: str
    distribution: str
    version: str
    entry_point: EntryPoint

    @property
    def origin(self) -> Origin:
        """The origin of the plugin's errors."""
        return Origin(self.name, self.distribution, self.version)


def find_entry_points(group: str) -> list[InstalledPlugin]:
    """List the entry points of a group, except those of distributions with damaged metadata."""
    importlib.invalidate_caches()
    try:
        return list(map(_read_entry_point, importlib_metadata.entry_points(group=group)))
    except Exception:  # noqa: BLE001  (damaged metadata of any distribution raises here)
        return list(_find_undamaged(group))


def find_damaged() -> list[str]:
    """List the paths of distributions whose metadata can't be read: their plugins are not found."""
    importlib.invalidate_caches()
    return sorted(
        str(getattr(each, "_path", each))  # an odd finder's distributions need not have a path
        for each in importlib_metadata.distributions()
        if _is_damaged(each)
    )


def _is_damaged(distribution: Any) -> bool:
    try:
        _read_name_and_version(distribution)
        for _ in distribution.entry_points:
            pass
    except Exception:  # noqa: BLE001  (damaged metadata raises anything)
        return True
    return False


def _read_entry_point(point: importlib_metadata.EntryPoint) -> InstalledPlugin:
    distribution = point.dist
    if distribution is None:  # entry points that are read from distributions have one
        raise LookupError(point.name)
    name, version = _read_name_and_version(distribution)
    return InstalledPlugin(point.name, name, version, point)


def _read_name_and_version(distribution: Any) -> tuple[str, str]:
    """Read the two lines of the metadata, without the email package if that is possible."""
    head, _, _ = (distribution.read_text("METADATA") or "").partition("\n\n")
    found = dict(_HEADERS.findall(head))
    if len(found) == len(("Name", "Version")):
        return found["Name"], found["Version"]
    return distribution.name, distribution.version


def _find_undamaged(group: str) -> Iterator[InstalledPlugin]:
    """Find the entry points that can be read when one distribution's metadata can't."""
    # Of several distributions of one name the first on the path counts, as for an import.
    seen: set[str] = set()
    for distribution in importlib_metadata.distributions():
        with suppress(Exception):
            name = re.sub("[-_.]+", "-", distribution.name).lower()
            if name not in seen:
                seen.add(name)
                yield from [
                    _read_entry_point(each)
                    for each in distribution.entry_points.select(group=group)
                ]
