"""`hookframe.toml` as one frozen `Config`, or an error with every mistake's line and key."""

from __future__ import annotations

import tomllib
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any, Final, Literal

from hookframe.api.errors import ConfigError, Problem
from hookframe.config.address import Address
from hookframe.config.entries import (
    FILE,
    Entry,
    find_mistakes,
    is_path,
    name_of,
    resolve_path,
)
from hookframe.config.lines import find_key_lines
from hookframe.config.plugin_policy import Policy
from hookframe.config.table import Table
from hookframe.config.values import (
    actions,
    addresses,
    boolean,
    duration,
    names_or,
    one_of,
    positive,
    size,
    text,
)
from hookframe.files.snapshot import Snapshot

INSTALLED: Final = "installed"
MOST_WORKERS: Final = 256


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of the daemon's clients and hooks: the table `[limits]`.

    Args:
        connections: the maximum of open connections; a further one is closed unanswered.
        idle_time: seconds a connection may stay without a complete request.
        answer_time: seconds a client may take to read an answer.
        load_time: seconds that building a chain may take.
        max_memory: bytes of memory above which a worker is replaced, between two attempts.
        output_lines: the maximum of lines a second that one plugin may print into the log.
    """

    connections: int = 1000
    idle_time: float = 300.0
    answer_time: float = 10.0
    load_time: float = 30.0
    max_memory: int = 1 << 30
    output_lines: int = 100


@dataclass(frozen=True, slots=True)
class LogTable:
    """The daemon's log: the table `[log]` (CONTRACT 6).

    Args:
        directory: the directory of the log; None for standard error.
        size: the size of `current` in bytes at which it is rotated.
        files: the number of rotated files that are kept.
    """

    directory: str | None = None
    size: int = 1 << 20
    files: int = 10


@dataclass(frozen=True, slots=True)
class PluginTable:
    """One table `[plugins.NAME]`.

    Args:
        policy: the administrator's policy for the plugin.
        settings: the plugin's own settings.
        use: what the name stands for: an installed plugin, or the path of a hook file; None for
            the plugin of this name.
    """

    policy: Policy = field(default_factory=Policy)
    settings: Mapping[str, Any] = field(default_factory=dict)
    use: str | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration.

    Args:
        path: the configuration file; empty if the command line sets everything.
        chain: the entries in order: names of plugins, names of tables with `use`, "file", or paths
            of hook files; "installed" for all installed plugins; None for those with a table.
        hook_file: the path of the hook file, or None.
        trust_file_permissions: whether a hook file that other users may write is accepted.
        on_load_error: "keep" keeps the last good generation in use after a failed reload.
        deadline: the longest time of one attempt in seconds, None for no limit.
        listen: the addresses that the daemon listens on.
        workers: the number of processes of the daemon that decide, each with its own state.
        state_directory: the directory for what plugins keep across restarts, or None.
        limits: the table `[limits]`.
        log: the table `[log]`.
        plugins: the tables `[plugins.NAME]`, in the order of the file.
    """

    path: str = ""
    chain: tuple[str, ...] | Literal["installed"] | None = None
    hook_file: str | None = None
    trust_file_permissions: bool = False
    on_load_error: Literal["tempfail", "keep"] = "tempfail"
    deadline: float | None = 1.0
    listen: tuple[Address, ...] = ()
    workers: int = 1
    state_directory: str | None = None
    limits: Limits = field(default_factory=Limits)
    log: LogTable = field(default_factory=LogTable)
    plugins: Mapping[str, PluginTable] = field(default_factory=dict)

    def entries(self, installed: tuple[str, ...] = ()) -> tuple[Entry, ...]:
        """Return the entries of the chain in order, those with mode "off" too (CONTRACT 2).

        Args:
            installed: the names of all installed plugins, in name order.
        """
        return tuple(map(self._find_entry, self.list_chain(installed)))

    def members(self, installed: tuple[str, ...] = ()) -> tuple[Entry, ...]:
        """Return the entries of the chain that are loaded, in order."""
        entries = self.entries(installed)
        return tuple(each for each in entries if self.table(each.name).policy.mode != "off")

    @property
    def hook_files(self) -> tuple[str, ...]:
        """The absolute paths of the hook files in the chain, each once."""
        return tuple(dict.fromkeys(each.file for each in self.members() if each.file))

    def list_chain(self, installed: tuple[str, ...] = ()) -> tuple[str, ...]:
        """List what stands in the chain, as it is written; arguments as for `entries`."""
        if isinstance(self.chain, tuple):
            return self.chain
        named = installed if self.chain == INSTALLED else tuple(self.plugins)
        last = (FILE,) if self.hook_file is not None else ()
        return (*(name for name in named if name != FILE), *last)

    def _find_entry(self, text: str) -> Entry:
        if text == FILE and self.hook_file is not None:
            return Entry(FILE, file=resolve_path(self.path, self.hook_file))
        used = text if is_path(text) else self.table(text).use or text
        if is_path(used):
            return Entry(name_of(text), file=resolve_path(self.path, used))
        return Entry(text, plugin=used)

    def table(self, name: str) -> PluginTable:
        """Return the table of a plugin, or the defaults if it has none."""
        return self.plugins.get(name) or PluginTable()

    @property
    def unused(self) -> tuple[str, ...]:
        """The names that are configured but not in the chain: legal, but often a mistake."""
        if not isinstance(self.chain, tuple):
            return ()
        configured = [*self.plugins, *([FILE] if self.hook_file is not None else [])]
        names = set(map(name_of, self.chain))
        return tuple(dict.fromkeys(name for name in configured if name not in names))


def read_config(snapshot: Snapshot) -> Config:
    """Parse and check a configuration.

    Args:
        snapshot: the file as it was read.

    Returns:
        The configuration.

    Raises:
        ConfigError: every mistake, each with its line and key.
    """
    if snapshot.error is not None:
        raise ConfigError(snapshot.path, (Problem("", snapshot.error),))
    if snapshot.content.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        text = "is written in UTF-16; save it as UTF-8"
        raise ConfigError(snapshot.path, (Problem("", text),))
    try:
        source = snapshot.content.removeprefix(BOM_UTF8).decode("utf-8")
        parsed = tomllib.loads(source)
    except (ValueError, RecursionError) as error:  # TOML's own, bad UTF-8, an int without end
        raise ConfigError(snapshot.path, (Problem("", f"is not valid TOML: {error}"),)) from None
    root = Table(parsed)
    config = _build_config(root, snapshot.path)
    root.reject_unknown_keys()
    if root.problems:
        raise ConfigError(snapshot.path, _locate_problems(root.problems, source))
    return config


def _locate_problems(found: list[tuple[tuple[str, ...], str]], source: str) -> tuple[Problem, ...]:
    """Return the mistakes with their lines, in the order of the file."""
    lines = find_key_lines(source)
    problems = [Problem(".".join(path), text, lines.get(path)) for path, text in found]
    return tuple(sorted(problems, key=lambda problem: problem.line or 0))


def _build_config(root: Table, path: str) -> Config:
    hook_file = root.take("hook_file", text)
    allow_remote = root.take("allow_remote", boolean, False)
    config = Config(
        path=path,
        chain=root.take("chain", names_or(INSTALLED)),
        hook_file=_resolve_path(path, hook_file),
        trust_file_permissions=root.take("trust_file_permissions", boolean, False),
        on_load_error=root.take("on_load_error", one_of("tempfail", "keep"), "tempfail"),
        deadline=root.take("deadline", duration, Config.__dataclass_fields__["deadline"].default),
        listen=root.take("listen", addresses(allow_remote=allow_remote), ()),
        workers=root.take("workers", partial(positive, most=MOST_WORKERS), 1),
        state_directory=_resolve_path(path, root.take("state_directory", text)),
        limits=_build_limits(root.take_inner("limits")),
        log=_build_log_table(root.take_inner("log"), path),
        plugins=MappingProxyType(
            {
                name: _build_plugin_table(table)
                for name, table in root.take_inner("plugins").take_tables()
            }
        ),
    )
    if isinstance(config.chain, tuple) and FILE in config.chain and hook_file is None:
        root.add_problem("chain", f'has "{FILE}", but hook_file is not set; set it to a path')
    if config.chain != INSTALLED:
        root.problems += find_mistakes(config.list_chain(), config.plugins)
    return config


def _build_limits(table: Table) -> Limits:
    default = Limits()
    limits = Limits(
        connections=table.take("connections", positive, default.connections),
        idle_time=table.take("idle_time", duration, default.idle_time),
        answer_time=table.take("answer_time", duration, default.answer_time),
        load_time=table.take("load_time", duration, default.load_time),
        max_memory=table.take("max_memory", size, default.max_memory),
        output_lines=table.take("output_lines", positive, default.output_lines),
    )
    table.reject_unknown_keys()
    return limits


def _build_log_table(table: Table, path: str) -> LogTable:
    default = LogTable()
    log = LogTable(
        directory=_resolve_path(path, table.take("directory", text)),
        size=table.take("size", size, default.size),
        files=table.take("files", positive, default.files),
    )
    table.reject_unknown_keys()
    return log


def _resolve_path(path: str, named: str | None) -> str | None:
    return None if named is None else resolve_path(path, named)


def _build_plugin_table(table: Table) -> PluginTable:
    shadow_of = table.take("shadow_of", text)
    mode = "enforce" if shadow_of is None else "shadow"
    policy = Policy(
        mode=table.take("mode", one_of("enforce", "shadow", "off"), mode),
        on_error=table.take("on_error", one_of("tempfail", "skip"), "tempfail"),
        may=table.take("may", actions),
        deadline=table.take("deadline", duration),
        shadow_of=shadow_of,
    )
    if shadow_of is not None and policy.mode == "enforce":
        table.add_problem("mode", 'must be "shadow" or "off" where shadow_of is set')
    use = table.take("use", text)
    settings = table.take_table("settings")
    table.reject_unknown_keys()
    return PluginTable(policy, settings, use)
