"""Build the next generation: plugins and the hook file, loaded and configured into a chain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from copy import deepcopy
from typing import TYPE_CHECKING, Any

from hookframe.api.errors import ChainError, CodeFileError, ConfigError, LoadError, PluginError
from hookframe.api.plugin_code import calls_plugins
from hookframe.chain.chain import Chain
from hookframe.config.model import FILE, Config
from hookframe.files.snapshot import Snapshot
from hookframe.files.state_directory import find_state_directory, prepare_state_directory
from hookframe.host.generation import Generation, has
from hookframe.log.exceptions import describe
from hookframe.plugins.code_files import CodeFileReader
from hookframe.plugins.finder import Installed, Loader
from hookframe.plugins.hook_file import load_hook_file
from hookframe.plugins.plugin import Plugin

if TYPE_CHECKING:
    from hookframe.host.source import PolicyFiles


class Builder:
    """Builds generations one at a time while another is in use.

    Args:
        exclusive: excludes attempts while a plugin in use is configured again.
        report: receives errors of `close`.
    """

    def __init__(
        self,
        exclusive: AbstractContextManager[Any],
        report: Callable[[PluginError], None],
    ) -> None:
        self._report = report
        self._exclusive = exclusive
        self._loader = Loader()
        self._installed: Installed | None = None
        self._open: list[Plugin] = []
        """every loaded plugin that is not closed"""
        self._reader = CodeFileReader()

    @property
    def code_files(self) -> tuple[Snapshot, ...]:
        """The code files of the plugins of the last build, as they were read."""
        return self._reader.files

    def forget_installed(self) -> None:
        """Read the metadata of installed plugins again at the next build."""
        self._installed = None

    def build(
        self, policy_files: PolicyFiles, number: int, current: Generation | None
    ) -> Generation:
        """Build a generation.

        Args:
            policy_files: the files as they were read.
            number: the new generation's number.
            current: the generation in use, or None.

        Returns:
            The generation, configured and ready.

        Raises:
            ConfigError: the configuration has mistakes.
            ChainError: plugins can't be loaded or configured; it has all errors.
        """
        if isinstance(policy_files.config, ConfigError):
            raise policy_files.config
        config = policy_files.config
        self._reader = CodeFileReader(policy_files.code_files)
        installed = self._scan_installed(config, current).with_objects(policy_files.objects)
        plugins = self._load_plugins(config, installed, policy_files.hook_file, number)
        self._configure_all(plugins, config, current)
        members = [(plugin, config.table(plugin.name).policy) for plugin in plugins]
        return Generation(number, config, Chain(members, config.deadline))

    def _load_plugins(
        self, config: Config, installed: Installed, hook_file: Snapshot | None, number: int
    ) -> tuple[Plugin, ...]:
        """Load every plugin of the chain; raise the errors of all that fail."""
        plugins: list[Plugin] = []
        errors: list[LoadError] = []
        for name in config.order(installed.names):
            try:
                if name == FILE and hook_file is not None:
                    plugins.append(self._load_file(hook_file, number, config))
                else:
                    plugins.append(self._loader.load(installed.find(name)))
            except LoadError as error:
                errors.append(error)
        self._open += [plugin for plugin in plugins if not has(self._open, plugin)]
        if errors:
            self._discard(plugins)
            raise ChainError(tuple(errors))
        return tuple(plugins)

    def _scan_installed(self, config: Config, current: Generation | None) -> Installed:
        """Read the metadata of installed plugins, unless only the hook file has changed."""
        if current is None or current.config is not config or self._installed is None:
            self._installed = Installed.scan()
        return self._installed

    def _load_file(self, hook_file: Snapshot, number: int, config: Config) -> Plugin:
        return load_hook_file(
            hook_file,
            number,
            trust_permissions=config.trust_file_permissions,
        )

    def _configure_all(
        self, plugins: Sequence[Plugin], config: Config, current: Generation | None
    ) -> None:
        """Configure every plugin; if one fails, restore the settings of the others."""
        errors: list[LoadError] = []
        for plugin in plugins:
            try:
                with self._lock_if_in_use(plugin, current):
                    self._configure_plugin(plugin, config)
            except LoadError as error:
                errors.append(error)
        if errors:
            self._discard(plugins)
            failed = self._restore(plugins, current)
            raise ChainError((*errors, *failed), keepable=not failed)

    def _lock_if_in_use(
        self, plugin: Plugin, current: Generation | None
    ) -> AbstractContextManager[Any]:
        """Exclude attempts while a plugin in use is configured."""
        return self._exclusive if current and current.uses(plugin) else nullcontext()

    def _restore(
        self, plugins: Sequence[Plugin], current: Generation | None
    ) -> tuple[LoadError, ...]:
        """Restore the settings of plugins in use; return the errors."""
        failed = []
        for plugin in plugins:
            if current is not None and current.uses(plugin):
                try:
                    with self._exclusive:
                        self._configure_plugin(plugin, current.config)
                except LoadError as error:
                    failed.append(error)
        return tuple(failed)

    def _discard(self, plugins: Sequence[Plugin]) -> None:
        """Close the plugins of a generation that failed."""
        unwanted = [plugin for plugin in plugins if plugin.per_generation]
        self.retain([plugin for plugin in self._open if not has(unwanted, plugin)])

    @calls_plugins
    def retain(self, kept: Sequence[Plugin]) -> None:
        """Close every loaded plugin except these, and report errors of `close`.

        Args:
            kept: the plugins of the generation in use; empty when the host stops.
        """
        closing = [plugin for plugin in self._open if not has(kept, plugin)]
        self._open = [plugin for plugin in self._open if has(kept, plugin)]
        for plugin in closing:
            if plugin.close is None:
                continue
            try:
                plugin.close()
            except BaseException as error:  # noqa: BLE001  (close may raise anything)
                text = f"error closing: {describe(error, plugin.file)}"
                self._report(PluginError(plugin.origin, "close", text, error))

    @calls_plugins
    def _configure_plugin(self, plugin: Plugin, config: Config) -> None:
        """Call one plugin's `configure` with copies of its settings and with its code files."""
        settings = deepcopy(dict(config.table(plugin.name).settings))
        files = self._reader.read_for(
            plugin, deepcopy(settings), trust_permissions=config.trust_file_permissions
        )
        if plugin.configure is None:
            if settings:
                raise LoadError(
                    plugin.origin,
                    f"takes no settings, but the configuration has: {', '.join(settings)}",
                )
            return
        state_directory = _state_directory(plugin, config)
        try:
            plugin.configure(settings, files, state_directory)
        except CodeFileError as error:
            raise LoadError(plugin.origin, str(error), error) from error
        except ValueError as error:
            raise LoadError(plugin.origin, f"rejects its settings: {error}", error) from error
        except BaseException as error:
            text = f"can't be configured: {describe(error, plugin.file)}"
            raise LoadError(plugin.origin, text, error) from error


def _state_directory(plugin: Plugin, config: Config) -> str | None:
    """Prepare the state directory for a plugin whose `configure` takes it."""
    path = find_state_directory(config.state_directory) if plugin.keeps_state else None
    if path is not None:
        try:
            prepare_state_directory(path)
        except ValueError as error:
            raise LoadError(plugin.origin, str(error), error) from error
    return path
