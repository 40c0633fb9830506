"""`hookframe plugins`: the chain, and the installed plugins that are not in it."""

from hookframe.cli.commands.plugins.command import command as command
