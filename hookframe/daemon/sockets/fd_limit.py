"""The system's limit of open files, and how many clients it allows."""

from __future__ import annotations

import resource
from typing import Final

SPARE: Final = 64
"""File descriptors that are needed for other files: reloading opens the policy's."""


def clamp_connections(connections: int) -> int:
    """Return how many of the wanted connections the system allows."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY or hard >= connections + SPARE:
        return connections
    return max(1, hard - SPARE)


def raise_file_limit(connections: int) -> int:
    """Raise the limit of open files as far as the system allows.

    Args:
        connections: the wanted number of connections.

    Returns:
        The allowed number of connections.
    """
    allowed = clamp_connections(connections)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + SPARE
    if soft != resource.RLIM_INFINITY and soft < wanted:
        limit = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (limit, hard))
    return allowed


def describe_shortage(connections: int) -> str:
    """Describe why the system allows fewer connections; empty if it allows all."""
    allowed = clamp_connections(connections)
    if allowed == connections:
        return ""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (
        f"the system allows {hard} open files, limits.connections = {connections} needs "
        f"{connections + SPARE}: at most {allowed} clients are accepted; raise the system's "
        "limit (ulimit -n, or LimitNOFILE= in the systemd unit)"
    )
