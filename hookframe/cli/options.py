"""The options of every command: which policy it uses."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any, Concatenate, Final, ParamSpec

import click

from hookframe.cli.console import print_note
from hookframe.config.entries import FILE
from hookframe.config.model import Config, PluginTable
from hookframe.host.source import ConfigFile, GivenConfig

if TYPE_CHECKING:
    from hookframe.host.source import Source

CONFIG_VARIABLE: Final = "HOOKFRAME_CONFIG"
CONFIG_NAME: Final = "hookframe.toml"
PERL_PLUGIN: Final = "perl"
"""The plugin that runs Perl hook files, of hookframe-perl."""
SYSTEM_CONFIG: Final = f"/etc/hookframe/{CONFIG_NAME}"
NO_CONFIG: Final = (
    f"${CONFIG_VARIABLE} is not set, and there is neither ./{CONFIG_NAME} nor {SYSTEM_CONFIG}"
)
P = ParamSpec("P")


@dataclass(frozen=True, slots=True)
class PolicyOptions:
    """The policy that a command line names.

    Args:
        config: `--config`.
        hook_file: `--hook-file`.
        plugins: each `--plugin`, in order.
    """

    config: str | None = None
    hook_file: str | None = None
    plugins: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.config is not None and self.without_configuration:
            raise click.UsageError(
                "--config names a whole policy, --hook-file and --plugin one without a "
                "configuration: use one or the other."
            )
        if FILE in self.plugins:
            raise click.UsageError(
                f'"{FILE}" stands for the hook file: use --hook-file; it comes last.'
            )
        twice = sorted({name for name in self.plugins if self.plugins.count(name) > 1})
        if twice:
            raise click.UsageError(f"--plugin names {', '.join(twice)} more than once.")

    @property
    def without_configuration(self) -> bool:
        """Whether the command line defines the whole policy."""
        return self.hook_file is not None or bool(self.plugins)

    def find_source(self) -> Source:
        """Find the policy.

        Returns:
            The source. Without any policy it has an empty chain, and a note is printed.

        Raises:
            click.UsageError: a named file does not exist.
        """
        if self.without_configuration:
            return GivenConfig(self._build_config())
        path = self.config_path()
        if path is None:
            print_note(
                f"no configuration ({NO_CONFIG}): the chain is empty and every attempt is normal; "
                "set a policy with --config, or with --hook-file and --plugin"
            )
            return GivenConfig(Config())
        return ConfigFile(path)

    def config_path(self) -> str | None:
        """Find the configuration: the named one, or the first default that exists.

        Raises:
            click.UsageError: the named one does not exist.
        """
        if self.config is not None:
            return _check_file(self.config, "--config")
        from_environment = os.environ.get(CONFIG_VARIABLE)
        if from_environment:
            return _check_file(from_environment, f"${CONFIG_VARIABLE}")
        return next((path for path in (CONFIG_NAME, SYSTEM_CONFIG) if not _is_absent(path)), None)

    def format_arguments(self) -> str:
        """Format the options for a shell, each with a space before it."""
        pairs = [("--config", self.config), ("--hook-file", self.hook_file)]
        pairs += [("--plugin", name) for name in self.plugins]
        return "".join(f" {option} {quote(value)}" for option, value in pairs if value is not None)

    def _build_config(self) -> Config:
        chain = self.plugins
        if self.hook_file is None:
            return Config(chain=chain)
        path = _check_file(self.hook_file, "--hook-file")
        return Config(chain=(*chain, FILE), hook_file=str(Path(path).absolute()))


def build_hook_file_config(path: str) -> Config:
    """Build a policy of one hook file.

    Raises:
        click.UsageError: the file does not exist, or is a configuration.
    """
    if path.endswith(".toml"):
        raise click.UsageError(
            f"{path} is a configuration, not a hook file; "
            f"write: hookframe check --config {quote(path)}"
        )
    if path.endswith((".pl", ".perl", ".pre_delivery_attempt_hook")):
        raise click.UsageError(
            f"{path} looks like Perl, not Python; write: hookframe check --perl {quote(path)}"
        )
    return Config(chain=(FILE,), hook_file=str(Path(_check_file(path, "FILE")).absolute()))


def build_perl_file_config(path: str | None) -> Config:
    """Build a policy of one Perl hook file.

    Raises:
        click.UsageError: the file does not exist.
    """
    file = str(Path(_check_file(path or "", "--perl")).absolute())
    return Config(chain=(PERL_PLUGIN,), plugins={PERL_PLUGIN: PluginTable(settings={"file": file})})


def _check_file(path: str, by: str) -> str:
    """Check that a named file exists."""
    if not path:
        raise click.UsageError(f"{by} is empty; it must name a file.")
    if "\0" in path or _is_absent(path):
        raise click.UsageError(f"{by}: {path} does not exist.")
    if Path(path).is_dir():
        inside = Path(path) / CONFIG_NAME
        hint = f"; do you mean {inside}?" if by != "--hook-file" and inside.exists() else "."
        raise click.UsageError(f"{by}: {path} is a directory{hint}")
    return path


def _is_absent(path: str) -> bool:
    """Return whether a path does not exist.

    A dangling link and an unreadable directory do exist: a policy must not vanish silently.
    """
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return True
    except OSError:
        return False
    return False


def policy_options(
    function: Callable[Concatenate[PolicyOptions, P], int],
) -> Callable[P, int]:
    """Add the options that name a policy; the command gets them as its first argument."""

    @click.option(
        "--config",
        metavar="FILE",
        help=f"The configuration. Default: ${CONFIG_VARIABLE}, ./{CONFIG_NAME}, {SYSTEM_CONFIG}.",
    )
    @click.option(
        "--hook-file", metavar="FILE", help="Run without a configuration: with this hook file."
    )
    @click.option(
        "--plugin",
        "plugins",
        metavar="NAME",
        multiple=True,
        help="Run without a configuration: with this installed plugin (repeatable, in order).",
    )
    @wraps(function)
    def with_policy(*args: P.args, **options: P.kwargs) -> int:
        given: dict[str, Any] = dict(options)
        policy = PolicyOptions(
            given.pop("config"), given.pop("hook_file"), tuple(given.pop("plugins"))
        )
        return function(policy, *args, **given)

    return with_policy
