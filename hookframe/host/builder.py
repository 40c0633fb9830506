"""Build the next generation: plugins and the hook file, loaded and configured into a chain."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import TYPE_CHECKING

from hookframe.api.errors import ChainError, CodeFileError, ConfigError, LoadError, PluginError
from hookframe.api.plugin_code import calls_plugins
from hookframe.chain.chain import Chain
from hookframe.config.model import FILE, Config
from hookframe.files.snapshot import Snapshot
from hookframe.files.state_directory import find_state_directory, prepare_state_directory
from hookframe.host.generation import Generation, has
from hookframe.log.exceptions import describe
from hookframe.plugins.code_files import CodeFileReader
from hookframe.plugins.finder import Installed, load_plugin
from hookframe.plugins.hook_file import load_hook_file
from hookframe.plugins.plugin import Plugin

if TYPE_CHECKING:
    from hookframe.host.source import PolicyFiles


class Builder:
    """Builds generations: `load`, then `configure`, and `close` when it is no longer used.

    Args:
        report: receives errors of `close`.
        phase: called with what is being done, "importing NAME", "running PATH", "configuring NAME"
            or "closing NAME", and with an empty text after it.
    """

    def __init__(
        self,
        report: Callable[[PluginError], None],
        phase: Callable[[str], None] | None = None,
    ) -> None:
        self._report = report
        self._phase = phase
        self._reader = CodeFileReader()

    @property
    def code_files(self) -> tuple[Snapshot, ...]:
        """The code files of the plugins of the last build, as they were read or looked for."""
        return self._reader.files

    def build(self, policy_files: PolicyFiles, number: int) -> Generation:
        """Load and configure a generation; arguments and errors as for `load`."""
        generation = self.load(policy_files, number)
        self.configure(generation)
        return generation

    def load(
        self, policy_files: PolicyFiles, number: int, current: Generation | None = None
    ) -> Generation:
        """Load every plugin of the chain, and the hook file.

        Args:
            policy_files: the files as they were read.
            number: the new generation's number.
            current: the generation in use, whose plugins stay open if this fails.

        Returns:
            The generation, which is not configured.

        Raises:
            ConfigError: the configuration has mistakes.
            ChainError: plugins can't be loaded; it has all errors.
        """
        self._reader = CodeFileReader(policy_files.code_files)
        if isinstance(policy_files.config, ConfigError):
            raise policy_files.config
        config = policy_files.config
        installed = Installed.scan().with_objects(policy_files.objects)
        plugins = self._load_plugins(config, installed, policy_files.hook_file, number, current)
        members = [(plugin, config.table(plugin.name).policy) for plugin in plugins]
        return Generation(number, config, Chain(members, config.deadline))

    def configure(self, generation: Generation) -> None:
        """Configure every plugin; if one fails, close them all.

        Raises:
            ChainError: plugins can't be configured; it has all errors.
        """
        errors: list[LoadError] = []
        for plugin in generation.plugins:
            try:
                with self._doing("configuring", plugin.name):
                    self._configure_plugin(plugin, generation.config)
            except LoadError as error:
                errors.append(error)
        if errors:
            self.close(generation.plugins)
            raise ChainError(tuple(errors))

    @calls_plugins
    def close(self, plugins: Sequence[Plugin]) -> None:
        """Close plugins, and report errors of `close`."""
        for plugin in plugins:
            if plugin.close is None:
                continue
            with self._doing("closing", plugin.name):
                try:
                    plugin.close()
                except BaseException as error:  # noqa: BLE001  (close may raise anything)
                    text = f"error closing: {describe(error, plugin.file)}"
                    self._report(PluginError(plugin.origin, "close", text, error))

    @contextmanager
    def _doing(self, what: str, name: str) -> Iterator[None]:
        """Call `phase` before and after."""
        if self._phase is None:
            yield
            return
        self._phase(f"{what} {name}")
        try:
            yield
        finally:
            self._phase("")

    def _load_plugins(
        self,
        config: Config,
        installed: Installed,
        hook_file: Snapshot | None,
        number: int,
        current: Generation | None,
    ) -> tuple[Plugin, ...]:
        """Load every plugin of the chain; raise the errors of all that fail."""
        plugins: list[Plugin] = []
        errors: list[LoadError] = []
        for name in config.order(installed.names):
            try:
                if name == FILE and hook_file is not None:
                    with self._doing("running", hook_file.path):
                        plugins.append(self._load_file(hook_file, number, config))
                else:
                    with self._doing("importing", name):
                        plugins.append(load_plugin(installed.find(name)))
            except LoadError as error:
                errors.append(error)
        if errors:
            in_use = () if current is None else current.plugins
            self.close([plugin for plugin in plugins if not has(in_use, plugin)])
            raise ChainError(tuple(errors))
        return tuple(plugins)

    def _load_file(self, hook_file: Snapshot, number: int, config: Config) -> Plugin:
        return load_hook_file(
            hook_file,
            number,
            trust_permissions=config.trust_file_permissions,
        )

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
