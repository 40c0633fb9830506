"""Build the next generation: plugins and the hook file, loaded and configured into a chain."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import TYPE_CHECKING

from hookframe.api.errors import ChainError, CodeFileError, ConfigError, LoadError, PluginError
from hookframe.api.plugin_code import calls_plugins
from hookframe.api.settings import SettingsError, format_mistake
from hookframe.chain.chain import Chain
from hookframe.config.entries import Entry, find_directory
from hookframe.config.lines import find_key_lines
from hookframe.config.model import Config
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
        self._configuration = ""
        """the text of the configuration, for the lines of mistakes"""

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
        file = policy_files.config_file
        self._configuration = (
            "" if file is None else file.content.decode("utf-8", "replace").removeprefix("\ufeff")
        )
        if isinstance(policy_files.config, ConfigError):
            raise policy_files.config
        config = policy_files.config
        installed = Installed.scan().with_objects(policy_files.objects)
        plugins = self._load_plugins(config, installed, policy_files, number, current)
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
        policy_files: PolicyFiles,
        number: int,
        current: Generation | None,
    ) -> tuple[Plugin, ...]:
        """Load every member of the chain; raise the errors of all that fail."""
        plugins: list[Plugin] = []
        errors: list[LoadError] = []
        for entry in config.members(installed.names):
            try:
                plugin = self._load_member(entry, config, installed, policy_files, number)
                _refuse_twice(plugin, plugins)
                plugins.append(plugin)
            except LoadError as error:
                errors.append(error)
        errors += _find_wrong_shadows(plugins, config, installed.names)
        if errors:
            in_use = () if current is None else current.plugins
            self.close([plugin for plugin in plugins if not has(in_use, plugin)])
            raise ChainError(tuple(errors))
        return tuple(plugins)

    def _load_member(
        self,
        entry: Entry,
        config: Config,
        installed: Installed,
        policy_files: PolicyFiles,
        number: int,
    ) -> Plugin:
        if entry.file:
            with self._doing("running", entry.file):
                return load_hook_file(
                    policy_files.find_hook_file(entry.file),
                    number,
                    entry.name,
                    trust_permissions=config.trust_file_permissions,
                )
        with self._doing("importing", entry.name):
            return load_plugin(installed.find(entry.plugin, entry.name), entry.name)

    @calls_plugins
    def _configure_plugin(self, plugin: Plugin, config: Config) -> None:
        """Call one plugin's `configure` with copies of its settings and with its code files."""
        settings = deepcopy(dict(config.table(plugin.name).settings))
        directory = find_directory(config.path)
        files = self._reader.read_for(
            plugin, deepcopy(settings), directory, trust_permissions=config.trust_file_permissions
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
            plugin.configure(settings, files, state_directory, directory)
        except CodeFileError as error:
            raise LoadError(plugin.origin, str(error), error) from error
        except SettingsError as error:
            text = f"rejects its settings: {self._locate(error, plugin.name)}"
            raise LoadError(plugin.origin, text, error) from error
        except ValueError as error:
            raise LoadError(plugin.origin, f"rejects its settings: {error}", error) from error
        except BaseException as error:
            text = f"can't be configured: {describe(error, plugin.file)}"
            raise LoadError(plugin.origin, text, error) from error

    def _locate(self, error: SettingsError, name: str) -> str:
        """Describe the mistakes in a plugin's settings, each with its line if it is known."""
        lines = find_key_lines(self._configuration) if self._configuration else {}
        texts = []
        for path, text in error.mistakes:
            keys = tuple(itertools.takewhile(lambda part: isinstance(part, str), path))
            line = lines.get(("plugins", name, "settings", *map(str, keys)))
            where = "" if line is None else f"line {line}: "
            texts.append(f"{where}{format_mistake(path, text)}")
        return "; ".join(texts)


def _refuse_twice(plugin: Plugin, others: Sequence[Plugin]) -> None:
    """Reject a member whose object is that of another member.

    Raises:
        LoadError: its entry point names one object, which can't have two settings.
    """
    for other in others:
        if other.subject is plugin.subject:
            raise LoadError(
                plugin.origin,
                f"stands in the chain as {other.name} too, but its entry point names one object; "
                "only a plugin whose entry point names a class or a factory can stand twice",
            )


def _find_wrong_shadows(
    plugins: Sequence[Plugin], config: Config, installed: tuple[str, ...]
) -> list[LoadError]:
    """Find members whose votes can't be compared with those of another: `shadow_of`."""
    names = {entry.name for entry in config.members(installed)}
    wrappers = {plugin.name for plugin in plugins if plugin.wrapper}
    errors = []
    for plugin in plugins:
        target = config.table(plugin.name).policy.shadow_of
        if target is not None and target not in names:
            text = f"shadow_of names {target}, which is not called in this chain"
            errors.append(LoadError(plugin.origin, text))
        elif target is not None and wrappers & {plugin.name, target}:
            text = f"can't be compared with {target} (shadow_of): wrappers return no vote"
            errors.append(LoadError(plugin.origin, text))
    return errors


def _state_directory(plugin: Plugin, config: Config) -> str | None:
    """Prepare the state directory for a plugin whose `configure` takes it."""
    path = find_state_directory(config.state_directory) if plugin.keeps_state else None
    if path is not None:
        try:
            prepare_state_directory(path)
        except ValueError as error:
            raise LoadError(plugin.origin, str(error), error) from error
    return path
