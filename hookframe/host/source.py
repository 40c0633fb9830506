"""Sources of the policy, and its files as read once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from time import monotonic, sleep
from typing import Final, Protocol

from hookframe.api.errors import ConfigError, Problem
from hookframe.config.model import Config, read_config
from hookframe.files.snapshot import Snapshot, Writers
from hookframe.files.trust import take_policy_snapshot

_FIRST_READ_TIMEOUT: Final = 1.0
"""Seconds to wait at the start for a process that is writing one of the files."""


@dataclass(frozen=True, slots=True)
class PolicyFiles:
    """The configuration and all files of one generation, read once.

    Args:
        config: the configuration, or its mistakes.
        hook_files: the hook files in the chain.
        config_file: the file of the configuration, if it comes from one.
        code_files: the files of code that plugins run.
        objects: a program's own plugins, by name.
    """

    config: Config | ConfigError
    hook_files: tuple[Snapshot, ...] = ()
    config_file: Snapshot | None = None
    code_files: tuple[Snapshot, ...] = ()
    objects: Mapping[str, object] = field(default_factory=dict)

    @property
    def files(self) -> tuple[Snapshot, ...]:
        """All files."""
        own = () if self.config_file is None else (self.config_file,)
        return (*own, *self.hook_files, *self.code_files)

    def find_hook_file(self, path: str) -> Snapshot:
        """Return a hook file as it was read."""
        unread = Snapshot(path, error=f"{path} was not read")
        return next((file for file in self.hook_files if file.path == path), unread)

    @property
    def readable(self) -> bool:
        """Whether every file could be read."""
        return all(file.error is None for file in self.files)

    @property
    def digest(self) -> str:
        """The policy in hexadecimal digits: equal wherever the same bytes make up the policy.

        It covers path, content, owner, permissions and error of every file, and a configuration
        that comes from no file.
        """
        parts = sorted(repr((file.path, *file.fingerprint)) for file in self.files)
        parts.append("" if self.config_file is not None else repr(self.config))
        text = "\n".join([*parts, *sorted(self.objects)])
        return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()

    def agrees_with(self, loaded: PolicyFiles) -> bool:
        """Return whether this is no change from what is loaded.

        Args:
            loaded: the files with those code files that the load has read. A code file that only
                one of the two has does not count.
        """
        known = {file.path: file.fingerprint for file in loaded.code_files}
        own, others = (
            [
                file and (file.path, file.fingerprint)
                for file in (each.config_file, *each.hook_files)
            ]
            for each in (self, loaded)
        )
        return own == others and all(
            known.get(file.path, file.fingerprint) == file.fingerprint for file in self.code_files
        )

    @property
    def writers(self) -> Writers:
        """Whether a process is writing one of the files."""
        seen = {file.writers for file in self.files}
        for worst in (Writers.SOME, Writers.UNKNOWN):
            if worst in seen:
                return worst
        return Writers.NONE


class Source(Protocol):
    """A source of a host's policy."""

    def read(self, code_files: Iterable[str] = ()) -> PolicyFiles:
        """Read everything once; errors of files are in the result, not raised.

        Args:
            code_files: the known paths of the files of code that plugins run.
        """
        ...

    def assemble(
        self,
        config_file: Snapshot | None,
        hook_files: Iterable[Snapshot],
        code_files: Iterable[Snapshot] = (),
    ) -> PolicyFiles:
        """Build the policy from files that were read before, without the disk.

        Args:
            config_file: the file of the configuration, if it comes from one.
            hook_files: the hook files in the chain.
            code_files: the files of code that plugins run.
        """
        ...


class ConfigFile:
    """A policy from `hookframe.toml`.

    Args:
        path: the configuration file.
        trusted: whether a file that another user could change is accepted, as nothing is run.
    """

    def __init__(self, path: str | Path, *, trusted: bool = False) -> None:
        self._path = str(Path(path).absolute())
        self._trusted = trusted
        self._cached: tuple[bytes, Config | ConfigError] | None = None

    def read(self, code_files: Iterable[str] = ()) -> PolicyFiles:
        """Read the configuration, its hook files, and the plugins' code files."""
        file = take_policy_snapshot(self._path)
        config = self._read_config(file)
        paths = config.hook_files if isinstance(config, Config) else ()
        return PolicyFiles(config, _take_snapshots(paths), file, _take_snapshots(code_files))

    def assemble(
        self,
        config_file: Snapshot | None,
        hook_files: Iterable[Snapshot],
        code_files: Iterable[Snapshot] = (),
    ) -> PolicyFiles:
        """Build the policy from files that were read before."""
        file = config_file or Snapshot(self._path, error=f"{self._path} was not read")
        config = self._read_config(file)
        return PolicyFiles(config, tuple(hook_files), file, tuple(code_files))

    def _read_config(self, file: Snapshot) -> Config | ConfigError:
        """Parse the configuration, unless its bytes are unchanged or it is not trusted."""
        if file.distrust and not self._trusted:
            return ConfigError(file.path, (Problem("", file.distrust),))
        if self._cached is None or file.error is not None or self._cached[0] != file.content:
            try:
                config: Config | ConfigError = read_config(file)
            except ConfigError as error:
                config = error
            if file.error is not None:
                return config
            self._cached = file.content, config
        return self._cached[1]


class GivenConfig:
    """A policy from a `Config` of a program or the command line.

    Args:
        config: the configuration.
        objects: the program's own plugins by name, as targets of entry points.
    """

    def __init__(self, config: Config, objects: Mapping[str, object] | None = None) -> None:
        self._config = config
        self._objects = objects or {}

    def read(self, code_files: Iterable[str] = ()) -> PolicyFiles:
        """Read the hook files, and the plugins' code files."""
        hook_files = _take_snapshots(self._config.hook_files)
        return self.assemble(None, hook_files, _take_snapshots(code_files))

    def assemble(
        self,
        config_file: Snapshot | None,
        hook_files: Iterable[Snapshot],
        code_files: Iterable[Snapshot] = (),
    ) -> PolicyFiles:
        """Build the policy from files that were read before."""
        del config_file
        return PolicyFiles(
            self._config, tuple(hook_files), code_files=tuple(code_files), objects=self._objects
        )


def read_when_stable(source: Source, code_files: Iterable[str] = ()) -> PolicyFiles:
    """Read a policy; wait up to a second for a writer to finish.

    Args:
        source: the source of the policy.
        code_files: the known paths of the files of code that plugins run.
    """
    paths, until = tuple(code_files), monotonic() + _FIRST_READ_TIMEOUT
    while (files := source.read(paths)).writers is Writers.SOME and monotonic() < until:
        sleep(0.01)
    return files


def _take_snapshots(paths: Iterable[str]) -> tuple[Snapshot, ...]:
    return tuple(map(take_policy_snapshot, paths))
