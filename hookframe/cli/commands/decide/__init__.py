"""`hookframe decide`: decides one attempt, or a stream of them."""

from hookframe.cli.commands.decide.command import command as command
