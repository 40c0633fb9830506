"""Holds the chain in use; builds the next one and swaps it in."""

from hookframe.host.host import Host as Host
