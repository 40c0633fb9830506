"""`hookframe completion`: a shell's completion of commands and options."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

PROGRAM = "hookframe"
VARIABLE = "_HOOKFRAME_COMPLETE"
"""The environment variable by which the shell asks for completions."""


@click.command("completion", short_help="Print the completion of a shell.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def command(context: click.Context, shell: str) -> int:
    """Print a script by which SHELL completes the commands and options of hookframe.

    \b
    Examples:
        hookframe completion bash > /etc/bash_completion.d/hookframe
        hookframe completion zsh > "${fpath[1]}/_hookframe"
        hookframe completion fish > ~/.config/fish/completions/hookframe.fish
    """
    completion = get_completion_class(shell)
    if completion is None:  # click knows these three
        raise click.UsageError(f"there is no completion for {shell}")
    click.echo(completion(context.find_root().command, {}, PROGRAM, VARIABLE).source())
    return 0
