"""A policy on trial: built, asked about sample attempts, and everything that is wrong collected."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal

from hookframe.api.errors import ChainError, ConfigError, Origin, PluginError
from hookframe.api.events import Failure
from hookframe.cli.console import CommandLog
from hookframe.config.model import Config, PluginTable
from hookframe.host.builder import Builder
from hookframe.host.host import Host
from hookframe.host.source import GivenConfig
from hookframe.log.exceptions import describe
from hookframe.plugins.finder import Installed

if TYPE_CHECKING:
    from hookframe.api.events import ShadowVote
    from hookframe.host.source import Source
    from hookframe.plugins.plugin import Plugin

_WHOLE_CHAIN: Final = "plugin chain"
"""How the core attributes what no single plugin has caused; a plugin has a distribution."""
Kind = Literal["config", "load", "attempt", "observe", "close"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Args:
        kind: where it shows: in the configuration, or when a plugin is loaded, asked about an
            attempt, shown a decision, or closed.
        text: what was seen, and what to do.
        file: the configuration, for its mistakes.
        line: its line; None where there is none.
        key: its key; empty for the file as a whole.
        plugin: the plugin's name; empty where the text names it.
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
        tried = f" [tried: {'; '.join(self.samples)}]" if self.samples else ""
        return f"{who}: {self.text}{tried}"


@dataclass(frozen=True, slots=True)
class DryRunResult:
    """What came out.

    Args:
        config: the configuration; None where it can't be read.
        plugins: the chain in order; empty where it can't be built.
        findings: everything that is wrong.
        remarks: what its plugins find worth a look, each with the plugin's name.
    """

    config: Config | None
    plugins: tuple[Plugin, ...] = ()
    findings: tuple[Finding, ...] = ()
    remarks: tuple[str, ...] = ()


@dataclass
class _FindingCollector:
    """Findings, each once, with all the samples that caused it."""

    sample: str = ""
    by_text: dict[tuple[Kind, Origin, str], list[str]] = field(default_factory=dict)

    def add(self, error: PluginError) -> None:
        """Take note of an error, in the sample that is being tried."""
        samples = self.by_text.setdefault((error.phase, error.origin, error.text), [])
        if self.sample and self.sample not in samples:
            samples.append(self.sample)

    def findings(self) -> tuple[Finding, ...]:
        """Give what was found, in the order in which it was."""
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
    """Collects errors, and passes on what plugins print."""

    def __init__(self, silent: Callable[[], bool], collector: _FindingCollector) -> None:
        super().__init__(silent)
        self._collector = collector

    def error(self, text: str) -> None:
        """Collect what went wrong when a plugin was closed."""
        self._collector.add(PluginError(Origin(""), "close", text))

    def loading(self, problem: str) -> None:
        """Say nothing: every load error is collected by itself."""

    def deprecated(self, origin: Origin, notice: str) -> None:
        """Say nothing: it will be among the notes."""

    def events(self, attempt: Mapping[str, Any], events: Sequence[Failure | ShadowVote]) -> None:
        """Collect what went wrong in an attempt."""
        del attempt
        for event in events:
            if isinstance(event, Failure):
                self._collector.add(event.error)

    def observer(self, attempt: Mapping[str, Any], error: PluginError) -> None:
        """Collect what went wrong when a plugin was shown a decision."""
        del attempt
        self._collector.add(error)


def try_policy(
    source: Source,
    attempts: Sequence[tuple[str, Mapping[str, Any]]],
    checkpoint: Callable[[], None],
    silent: Callable[[], bool],
) -> DryRunResult:
    """Build a policy's chain, and ask it about attempts.

    Args:
        source: the policy.
        attempts: sample attempts, each with its name.
        checkpoint: is called after each step; it may raise KeyboardInterrupt.
        silent: says whether nothing is to be said any more.
    """
    config = source.read().config
    if isinstance(config, ConfigError):
        return DryRunResult(None, findings=_list_config_findings(config))
    collector = _FindingCollector()
    log = _DryRunLog(silent, collector)
    policy = GivenConfig(_skip_all_errors(config))
    with Host(policy, watch=False, log=log, interrupt=True) as host:
        checkpoint()
        if host.generation is None:
            return DryRunResult(config, findings=_find_load_errors(config))
        plugins = host.generation.plugins
        for name, attempt in attempts:
            collector.sample = name
            host.explain(attempt)
            checkpoint()
        collector.sample = ""
        remarks = tuple(_collect_remarks(plugins, collector))
    checkpoint()
    return DryRunResult(config, plugins, collector.findings(), remarks)


def _collect_remarks(plugins: Sequence[Plugin], collector: _FindingCollector) -> Iterator[str]:
    """Ask each plugin what is worth a look; one that fails at that is a finding."""
    for plugin in plugins:
        try:
            said = list(plugin.remarks()) if plugin.remarks is not None else []
        except Exception as error:  # noqa: BLE001  (a plugin may raise anything)
            text = f"error in its remarks: {describe(error, plugin.file)}"
            collector.add(PluginError(plugin.origin, "observe", text, error))
        else:
            yield from (f"{plugin.name}: {remark}" for remark in said)


def _list_config_findings(error: ConfigError) -> tuple[Finding, ...]:
    return tuple(
        Finding("config", problem.text, file=error.path, line=problem.line, key=problem.key)
        for problem in error.problems
    )


def _skip_all_errors(config: Config) -> Config:
    """Let the chain go on after a plugin's error, so that those of the next ones show as well."""
    tables = {
        name: PluginTable(replace(table.policy, on_error="skip"), table.settings)
        for name in config.order(Installed.scan().names)
        for table in (config.table(name),)
    }
    return replace(config, plugins={**config.plugins, **tables})


def _find_load_errors(config: Config) -> tuple[Finding, ...]:
    """Build each plugin by itself: those that load tell whether they take their settings too."""
    collector = _FindingCollector()
    builder = Builder(lambda _: nullcontext(), nullcontext(), collector.add)
    with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):  # it was shown before
        for name in config.order(Installed.scan().names):
            policy_files = GivenConfig(replace(config, chain=(name,))).read()
            try:
                builder.build(policy_files, 1, None)
            except ChainError as error:
                for each in error.errors:
                    collector.add(each)
        builder.retain(())
    return collector.findings()
