"""Socket activation: sockets that the service manager has opened and passes (sd_listen_fds(3))."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from typing import Final

from hookframe.daemon.sockets.listener import ListenError

_FIRST: Final = 3
_MOST: Final = 1024
"""More descriptors than any socket unit has; a larger number is an error."""
_FAMILIES: Final = (socket.AF_UNIX, socket.AF_INET, socket.AF_INET6)


@dataclass(frozen=True, slots=True)
class PassedSocket:
    """A socket that the service manager passes.

    Args:
        socket: the socket.
        name: its FileDescriptorName in systemd.socket(5).
    """

    socket: socket.socket
    name: str = ""


def are_passed(environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether sockets are passed to this process, without taking them."""
    return environment.get("LISTEN_PID") == str(os.getpid()) and "LISTEN_FDS" in environment


def take_passed(environment: MutableMapping[str, str] = os.environ) -> tuple[PassedSocket, ...]:
    """Take the sockets that are passed to this process.

    Args:
        environment: the variables; they are removed, so that programs of hooks don't see them.

    Returns:
        The sockets in their order, not inheritable; none if they are for another process.

    Raises:
        ListenError: one of them is no listening stream socket, or the variables are invalid.
    """
    pid, count, names = (
        environment.pop(name, "") for name in ("LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES")
    )
    if not pid or not count or _parse_number("LISTEN_PID", pid) != os.getpid():
        return ()
    descriptors = range(_FIRST, _FIRST + _parse_number("LISTEN_FDS", count, _MOST))
    named = names.split(":") if names else [""] * len(descriptors)
    if len(named) != len(descriptors):
        raise ListenError(f"LISTEN_FDNAMES is {names!r}; expected {len(descriptors)} names")
    return tuple(map(_adopt, descriptors, named))


def _parse_number(name: str, text: str, largest: int = 1 << 31) -> int:
    number = int(text) if text.isascii() and text.isdigit() else -1
    if not 0 <= number <= largest:
        raise ListenError(
            f"{name} is {text!r}; expected a number as sd_listen_fds(3) says: "
            "start hookframe from a socket unit, or without this variable"
        )
    return number


def _adopt(descriptor: int, name: str) -> PassedSocket:
    try:
        server = socket.socket(fileno=descriptor)
    except OSError as error:
        raise _make_error(descriptor, name, error.strerror or str(error)) from None
    problem = _describe_wrong_kind(server)
    if problem:
        server.close()
        raise _make_error(descriptor, name, problem)
    server.set_inheritable(False)
    return PassedSocket(server, name)


def _describe_wrong_kind(server: socket.socket) -> str:
    """Describe why a socket can't accept clients; empty if it can."""
    if server.family not in _FAMILIES:
        return f"a socket of the address family {int(server.family)}"
    if server.type != socket.SOCK_STREAM:
        return "a socket for datagrams"
    if not server.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN):
        return "a socket that does not listen"
    return ""


def _make_error(descriptor: int, name: str, problem: str) -> ListenError:
    named = f" ({name})" if name else ""
    return ListenError(
        f"the service manager passes an unusable descriptor {descriptor}{named}: {problem}; "
        "expected a listening stream socket: a socket unit with ListenStream= and Accept=no"
    )
