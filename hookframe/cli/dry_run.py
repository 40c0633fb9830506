"""A dry run of a policy: built and tried on sample attempts, with every problem collected."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from hookframe.api.errors import ChainError, ConfigError, Origin, PluginError
from hookframe.api.events import Failure
from hookframe.api.plugin_code import calls_plugins
from hookframe.api.rehearsal import rehearse
from hookframe.cli.console import CommandLog
from hookframe.config.model import Config
from hookframe.host.builder import Builder
from hookframe.host.host import Host
from hookframe.log.exceptions import describe
from hookframe.plugins.finder import Installed

if TYPE_CHECKING:
    from hookframe.api.events import ShadowVote
    from hookframe.host.source import PolicyFiles, Source
    from hookframe.plugins.plugin import Plugin

_WHOLE_CHAIN: Final = "plugin chain"
"""The origin of errors of no single plugin."""
Kind = Literal["config", "load", "attempt", "observe", "close"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem.

    Args:
        kind: its phase: the configuration, or loading a plugin, an attempt, observing a decision,
            closing.
        text: what was seen, and what to do.
        file: the configuration, for its problems.
        line: its line, if known.
        key: its key; empty for the file as a whole.
        plugin: the plugin's name; empty if the text has it.
        distribution: its distribution, or the path of the hook file.
        version: the distribution's version.
        samples: the sample attempts that caused it.
    """

    kind: Kind
    text: str
    file: str = ""
    line: int | None = None
    key: str = ""
    plugin: str = ""
    distribution: str = ""
    version: str = ""
    samples: tuple[str, ...] = ()

    def __str__(self) -> str:
        if self.kind == "config":
            where = f"line {self.line}: " if self.line is not None else ""
            key = f"{self.key}: " if self.key else ""
            return f"{self.file}: {where}{key}{self.text}"
        if not self.plugin:
            return self.text
        who = str(Origin(self.plugin, self.distribution, self.version))
        who = "the whole chain" if who == _WHOLE_CHAIN else who
        failing = f" [fails on: {'; '.join(self.samples)}]" if self.samples else ""
        return f"{who}: {self.text}{failing}"


@dataclass(frozen=True, slots=True)
class DryRunResult:
    """The result of a dry run.

    Args:
        config: the configuration; None if it can't be read.
        plugins: the chain in order; empty if it can't be built.
        findings: every problem.
        remarks: the plugins' remarks, each with the plugin's name.
    """

    config: Config | None
    plugins: tuple[Plugin, ...] = ()
    findings: tuple[Finding, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass
class _FindingCollector:
    """Findings without duplicates, each with all the samples that caused it."""

    sample: str = ""
    by_text: dict[tuple[Kind, Origin, str], list[str]] = field(default_factory=dict)

    def add(self, error: PluginError) -> None:
        """Record an error of the current sample."""
        samples = self.by_text.setdefault((error.phase, error.origin, error.text), [])
        if self.sample and self.sample not in samples:
            samples.append(self.sample)

    def findings(self) -> tuple[Finding, ...]:
        """Return the findings in order."""
        return tuple(
            Finding(
                kind,
                text,
                plugin=origin.plugin,
                distribution=origin.distribution,
                version=origin.version,
                samples=tuple(samples),
            )
            for (kind, origin, text), samples in self.by_text.items()
        )


class _DryRunLog(CommandLog):
    """Collects errors, and prints the output of plugins."""

    def __init__(self, silent: Callable[[], bool], collector: _FindingCollector) -> None:
        super().__init__(silent)
        self._collector = collector

    def error(self, text: str) -> None:
        """Collect an error of closing a plugin."""
        self._collector.add(PluginError(Origin(""), "close", text))

    def loading(self, problem: str) -> None:
        """Print nothing: each load error is collected separately."""

    def deprecated(self, origin: Origin, notice: str) -> None:
        """Print nothing: it is among the notes."""

    def events(self, attempt: Mapping[str, Any], events: Sequence[Failure | ShadowVote]) -> None:
        """Collect the errors of an attempt."""
        del attempt
        for event in events:
            if isinstance(event, Failure):
                self._collector.add(event.error)

    def observer(self, attempt: Mapping[str, Any], error: PluginError) -> None:
        """Collect an error of observing a decision."""
        del attempt
        self._collector.add(error)


@rehearse()
def try_policy(
    source: Source,
    attempts: Sequence[tuple[str, Mapping[str, Any]]],
    checkpoint: Callable[[], None],
    silent: Callable[[], bool],
    phase: Callable[[str], None],
) -> DryRunResult:
    """Build a policy's chain, and try it on attempts.

    Args:
        source: the policy.
        attempts: sample attempts, each with its name.
        checkpoint: called after each step; it may raise KeyboardInterrupt.
        silent: returns whether log lines are dropped.
        phase: called with what is being done, and with an empty text after it.
    """
    files = source.read()
    config = files.config
    if isinstance(config, ConfigError):
        return DryRunResult(None, findings=_list_config_findings(config))
    collector = _FindingCollector()
    log = _DryRunLog(silent, collector)
    tried = replace(files, config=_skip_all_errors(config))
    with Host(source, files=tried, watch=False, log=log, interrupt=True, phase=phase) as host:
        checkpoint()
        if host.generation is None:
            return DryRunResult(config, findings=_find_load_errors(files, config, phase))
        plugins = host.generation.plugins
        for name, attempt in attempts:
            collector.sample = name
            phase(f"deciding about a sample: {name}")
            host.explain(attempt)
            phase("")
            checkpoint()
        collector.sample = ""
        remarks = tuple(_collect_remarks(plugins, collector))
    checkpoint()
    return DryRunResult(config, plugins, collector.findings(), remarks)


@calls_plugins
def _collect_remarks(plugins: Sequence[Plugin], collector: _FindingCollector) -> Iterator[str]:
    """Collect the remarks of each plugin; an error in them is a finding."""
    for plugin in plugins:
        try:
            remarks = list(plugin.remarks()) if plugin.remarks is not None else []
        except Exception as error:  # noqa: BLE001  (a plugin may raise anything)
            text = f"error in its remarks: {describe(error, plugin.file)}"
            collector.add(PluginError(plugin.origin, "observe", text, error))
        else:
            yield from (f"{plugin.name}: {remark}" for remark in remarks)


def _list_config_findings(error: ConfigError) -> tuple[Finding, ...]:
    return tuple(
        Finding("config", problem.text, file=error.path, line=problem.line, key=problem.key)
        for problem in error.problems
    )


def _skip_all_errors(config: Config) -> Config:
    """Continue the chain after a plugin's error, to find the errors of the next ones too."""
    return _replace_policies(config, on_error="skip")


def _replace_policies(config: Config, **changes: Any) -> Config:
    """Change the administrator's policy for every plugin of the chain."""
    tables = {}
    for entry in config.entries(Installed.scan().names):
        table = config.table(entry.name)
        tables[entry.name] = replace(table, policy=replace(table.policy, **changes))
    return replace(config, plugins={**config.plugins, **tables})


def _find_load_errors(
    files: PolicyFiles, config: Config, phase: Callable[[str], None]
) -> tuple[Finding, ...]:
    """Build each plugin alone, to find the errors in all settings, then the chain."""
    collector = _FindingCollector()
    builder = Builder(collector.add, phase)
    alone = _replace_policies(config, shadow_of=None)
    listed = config.list_chain(Installed.scan().names)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):  # it was shown before
        for each in (*(replace(alone, chain=(text,)) for text in listed), config):
            try:
                builder.close(builder.build(replace(files, config=each), 1).plugins)
            except ChainError as error:
                for found in error.errors:
                    collector.add(found)
    return collector.findings()
