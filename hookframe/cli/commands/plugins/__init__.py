"""`hookframe plugins`: the chain, and what is installed and not in it."""

from hookframe.cli.commands.plugins.command import command as command
