"""`hookframe status`: the daemon's health and counters."""

from hookframe.cli.commands.status.command import command as command
