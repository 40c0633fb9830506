"""The chain in use; the next one is built aside and swapped in."""

from hookframe.host.host import Host as Host
