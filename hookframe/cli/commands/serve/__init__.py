"""`hookframe serve`: runs the daemon, or checks whether it could start."""

from hookframe.cli.commands.serve.command import command as command
