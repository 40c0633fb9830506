"""`hookframe demo`: shows a daemon at work, and a live edit of its hook file."""

from hookframe.cli.commands.demo.command import command as command
