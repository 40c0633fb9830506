"""The group of commands, and a command's exit status."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

import click

from hookframe import __version__
from hookframe.cli.console import print_error, print_note

if TYPE_CHECKING:
    from hookframe.cli.extensions import Extensions

COMMANDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "init": "Write a starter hookframe.toml and hook file.",
        "decide": "Decide about one attempt, or a stream of them.",
        "check": "Load the policy, try it, and report every problem.",
        "plugins": "Show the chain, and the installed plugins that are not in it.",
        "serve": "Run the daemon.",
        "status": "Show the daemon's health and counters.",
        "demo": "Show a daemon at work, and a live edit of its hook file.",
        "schema": "Print the JSON Schema of an attempt, a decision or hookframe.toml.",
        "completion": "Print the completion of bash, zsh or fish.",
    }
)
"""Every command with its line in the help."""
DEVKIT: Final = "hookframe-devkit"
"""The only distribution that may define the commands of `BY_DEVKIT`."""
BY_DEVKIT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "new": "Start a plugin, with tests, packaging and CI.",
        "verify": "Check that a plugin or a hook file keeps the rules.",
    }
)
"""Every command of hookframe-devkit with its line in the help."""
INTERRUPTED: Final = 130
READER_GONE: Final = 141


class DevkitMissing(click.ClickException):
    """A command of hookframe-devkit was used, which is not installed."""

    exit_code = 2

    def __init__(self, name: str) -> None:
        super().__init__(f"'hookframe {name}' is part of {DEVKIT}: pip install {DEVKIT}")


class Commands(click.Group):
    """A group that imports a command's module only when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        """Return the names of the commands, in the order of the help."""
        return list(dict.fromkeys([*COMMANDS, *_of_devkit(), *_load_extensions().names]))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Import a command."""
        if cmd_name not in COMMANDS:
            command = _load_extensions().command(cmd_name)
            if command is None and cmd_name in BY_DEVKIT:
                raise DevkitMissing(cmd_name)
            return command
        own: click.Command = import_module(f"hookframe.cli.commands.{cmd_name}").command
        return own

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        """List the commands without importing any."""
        extensions = _load_extensions()
        devkit = _of_devkit()
        with formatter.section("Commands"):
            formatter.write_dl([*COMMANDS.items(), *devkit.items()])
        others = [row for row in extensions.rows() if row[0] not in devkit]
        if others:
            with formatter.section("Commands of plugins"):
                formatter.write_dl(others)
        for text in extensions.notes():
            print_note(text)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of the arguments, or suggest one."""
        name = args[0]
        if name not in COMMANDS and name not in BY_DEVKIT and not name.startswith("-"):
            known = self.list_commands(ctx)
            if name not in known:
                close = get_close_matches(name.lower(), [*known, *BY_DEVKIT], n=1)
                hint = f"Did you mean {close[0]}?" if close else f"There are: {', '.join(known)}."
                raise click.UsageError(f"No such command {name!r}. {hint}", ctx)
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the options before the command."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.option_name not in ("--config", "--hook-file", "--plugin"):
                raise
            raise click.UsageError(
                f"{error.option_name} goes after the command: "
                f"hookframe decide {error.option_name} …",
                ctx,
            ) from None


@cache
def _load_extensions() -> Extensions:
    """Read the metadata of installed commands, once and on first use."""
    from hookframe.cli.extensions import Extensions  # noqa: PLC0415  (takes long to import)

    return Extensions.scan(dict.fromkeys(COMMANDS) | dict.fromkeys(BY_DEVKIT, DEVKIT))


def _of_devkit() -> Mapping[str, str]:
    """Return the installed commands of hookframe-devkit, with their lines."""
    names = _load_extensions().names
    return {name: text for name, text in BY_DEVKIT.items() if name in names}


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="hookframe", message="%(prog)s %(version)s")
def hookframe() -> None:
    """Run your own Python at every delivery attempt of a mail server.

    \b
    A first policy, tried in a minute:
        hookframe init mypolicy
        cd mypolicy
        hookframe check
        hookframe decide --explain recipient=bob@example.com
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command line.

    Args:
        arguments: the arguments of `hookframe`.

    Returns:
        The exit status. Errors are printed on standard error, without a traceback.
    """
    _allow_any_text()
    try:
        status = _invoke(list(arguments))
        _flush()
    except (KeyboardInterrupt, click.Abort):
        status = INTERRUPTED
    except BrokenPipeError:
        status = READER_GONE
    except OSError as error:
        if error.errno == errno.EPIPE:
            status = READER_GONE
        else:
            print_error(_format_error(error))
            status = 1
    return _finish(status)


def _invoke(arguments: list[str]) -> int:
    """Parse and run; click raises its own exceptions for usage errors and help."""
    asked = os.environ.get("_HOOKFRAME_COMPLETE")
    if asked:
        from click.shell_completion import shell_complete  # noqa: PLC0415  (a shell asks seldom)

        return shell_complete(hookframe, {}, "hookframe", "_HOOKFRAME_COMPLETE", asked)
    try:
        with hookframe.make_context("hookframe", arguments) as context:
            result: Any = hookframe.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    return result if isinstance(result, int) else 0


def _format_error(error: OSError) -> str:
    """Describe an error of the system, with its file."""
    reason = error.strerror or str(error)
    return f"{error.filename}: {reason}" if error.filename else f"can't write the output: {reason}"


def _allow_any_text() -> None:
    """Escape characters that the terminal's encoding lacks: an address can hold any byte."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _flush() -> None:
    for stream in filter(None, (sys.stdout, sys.stderr)):
        stream.flush()


def _finish(status: int) -> int:
    """Flush, or discard the output, so that the interpreter prints no error at its end."""
    try:
        _flush()
    except (OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in filter(None, (sys.stdout, sys.stderr)):
            try:
                stream.flush()
            except (OSError, ValueError):
                os.dup2(nowhere, stream.fileno())
    return status
