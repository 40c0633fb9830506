"""The chain in use: changes are noticed, and the next one is built and swapped in."""

from hookframe.host.host import Host as Host
