"""`hookframe serve`: start the daemon, or check whether it could start."""

from hookframe.cli.commands.serve.command import command as command
