"""How many files the system lets this process have open, and how many clients that is."""

from __future__ import annotations

import resource
from typing import Final

SPARE: Final = 64
"""File descriptors that are needed beside those of the connections."""


def clamp_connections(connections: int) -> int:
    """Say how many of so many clients may be let in.

    Connections must not take the files that reloading the policy needs.

    Args:
        connections: the most connections that are wanted.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= connections + SPARE:
        return connections
    return max(1, hard - SPARE)


def raise_file_limit(connections: int) -> int:
    """Raise the limit of open files for so many clients, as far as the system allows it.

    Args:
        connections: the most connections that are wanted.

    Returns:
        How many may be let in.
    """
    allowed = clamp_connections(connections)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + SPARE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return allowed


def describe_shortage(connections: int) -> str:
    """Say what is wrong where not all of so many clients can be let in; else nothing."""
    allowed = clamp_connections(connections)
    if allowed == connections:
        return ""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (
        f"the system allows {hard} open files, limits.connections = {connections} needs "
        f"{connections + SPARE}: no more than {allowed} clients are let in; raise the system's "
        "limit (ulimit -n, or LimitNOFILE= in the systemd unit)"
    )
