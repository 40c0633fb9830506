"""Files of code that plugins run, in any language: read once, and only if trusted."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

from hookframe._text import short_repr
from hookframe.api.errors import LoadError, Origin
from hookframe.files.snapshot import Snapshot, Writers
from hookframe.files.trust import take_policy_snapshot
from hookframe.log.exceptions import describe

if TYPE_CHECKING:
    from hookframe.api.hookspecs import CodeFiles, Settings
    from hookframe.plugins.plugin import Plugin

_WRITER_TIMEOUT: Final = 1.0
"""Seconds to wait for a process that is writing a file, when it is read for the first time."""


class CodeFileReader:
    """Reads the code files of the plugins of one generation.

    Args:
        known: files that were already read for this generation.
    """

    def __init__(self, known: Iterable[Snapshot] = ()) -> None:
        self._known: Mapping[str, Snapshot] = {file.path: file for file in known}
        self._read: dict[str, Snapshot] = {}

    @property
    def files(self) -> tuple[Snapshot, ...]:
        """Every code file of the plugins, usable or not."""
        return tuple(self._read.values())

    def read_for(
        self, plugin: Plugin, settings: Settings, directory: str, *, trust_permissions: bool = False
    ) -> CodeFiles:
        """Read the code files of a plugin.

        Args:
            plugin: the plugin.
            settings: its settings, unchecked.
            directory: the directory to which relative paths in settings are relative.
            trust_permissions: whether to accept a file that others may write.

        Returns:
            Each file by its path.

        Raises:
            LoadError: one is missing, can't be read, or may be written by another user.
        """
        if plugin.code_files is None:
            return {}
        files = {
            path: self._take_snapshot(path) for path in _list_files(plugin, settings, directory)
        }
        for file in files.values():
            if file.error is not None:
                raise LoadError(plugin.origin, f"can't read its code file: {file.error}")
            if not trust_permissions:
                refuse_unsafe(file, plugin.origin)
        return files

    def _take_snapshot(self, path: str) -> Snapshot:
        if path not in self._read:
            self._read[path] = self._known.get(path) or _read_when_stable(path)
        return self._read[path]


def refuse_unsafe(snapshot: Snapshot, origin: Origin) -> None:
    """Reject a file that another user could change, as hookframe runs its code.

    Args:
        snapshot: the file's owner and permissions at one moment.
        origin: the origin of the error.

    Raises:
        LoadError: another user could write it, or replace it or a directory above it.
    """
    if snapshot.distrust:
        hint = "or set trust_file_permissions = true in the configuration"
        raise LoadError(origin, f"{snapshot.distrust}, {hint}")


def _list_files(plugin: Plugin, settings: Settings, directory: str) -> tuple[str, ...]:
    """Call a plugin's `code_files`."""
    try:
        named = plugin.code_files(settings, directory) if plugin.code_files is not None else ()
        paths = (named,) if isinstance(named, str) else tuple(named)
    except BaseException as error:
        text = f"can't say which code files it has: {describe(error, plugin.file)}"
        raise LoadError(plugin.origin, text, error) from error
    for path in paths:
        if not (isinstance(path, str) and os.path.isabs(path)):  # noqa: PTH117
            text = f"code_files returned {short_repr(path)}; expected absolute paths"
            raise LoadError(plugin.origin, text)
    return paths


def _read_when_stable(path: str) -> Snapshot:
    """Read a file; wait up to a second for a writer to finish."""
    until = monotonic() + _WRITER_TIMEOUT
    while (file := take_policy_snapshot(path)).writers is Writers.SOME and monotonic() < until:
        sleep(0.01)
    return file
