"""Open a listening socket with the right permissions, and remove its file at the end."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hookframe.api.errors import HookframeError
from hookframe.config.address import Address
from hookframe.daemon.sockets.unix_file import (
    FileIdentity,
    Occupant,
    find_occupant,
    identify,
    lock,
    remove,
)

BACKLOG: Final = 1024
_ALL_BUT_OWNER_AND_GROUP: Final = 0o117
"""The umask that leaves a unix socket with mode 0660 (CONTRACT 8)."""
_FORBIDDEN: Final = (errno.EACCES, errno.EPERM, errno.EROFS)


class ListenError(HookframeError):
    """An address can't be listened on; the text has the reason and what to do."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A listening socket.

    Args:
        address: its address.
        socket: the socket.
        file: the file of a unix socket that we created; None if there is none to remove.
        remark: a warning for the log; may be empty.
    """

    address: Address
    socket: socket.socket
    file: FileIdentity | None = None
    remark: str = ""

    def __str__(self) -> str:
        if self.address.path:
            return f"{self.address.protocol}+{self.address}"
        port = self.socket.getsockname()[1]
        return f"{self.address.protocol}+{Address('', host=self.address.host, port=port)}"

    def close(self) -> None:
        """Close the socket, and remove its file if we created it."""
        self.socket.close()
        if self.file is not None:
            remove(self.address.path, self.file)


def listen(address: Address) -> Listener:
    """Listen on one address.

    Args:
        address: the address; a unix socket gets mode 0660.

    Raises:
        ListenError: the address is taken, or can't be used.
    """
    return _listen_unix(address) if address.path else _listen_tcp(address)


def bind_tcp(address: Address) -> socket.socket:
    """Bind a socket to a TCP address, without listening.

    Raises:
        OSError: the address is taken, or can't be used.
    """
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    server = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address.host, address.port))
    except OSError:
        server.close()
        raise
    return server


def _listen_tcp(address: Address) -> Listener:
    with ExitStack() as stack:
        try:
            server = stack.enter_context(bind_tcp(address))
            server.listen(BACKLOG)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise ListenError(
                    f"{address} is taken: another process listens there (see `ss -ltnp`); "
                    "stop it, or choose another address in listen"
                ) from None
            raise ListenError(explain_failure(address, error)) from None
        stack.pop_all()
        return Listener(address, server)


def _listen_unix(address: Address) -> Listener:
    try:
        refuse_occupied(address)  # a better text than the lock's in a directory of another user
        with lock(address.path):
            remark = _remove_stale(address)
            server = _bind_unix(address.path)
            return Listener(address, server, identify(address.path), remark)
    except OSError as error:
        raise ListenError(explain_failure(address, error)) from None


def _bind_unix(path: str) -> socket.socket:
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    previous = os.umask(_ALL_BUT_OWNER_AND_GROUP)
    try:
        server.bind(path)
        server.listen(BACKLOG)
    except OSError:
        server.close()
        raise
    finally:
        os.umask(previous)
    return server


def _remove_stale(address: Address) -> str:
    """Remove the socket file of a dead daemon; return a line for the log, or an empty text."""
    if refuse_occupied(address) is Occupant.NONE:
        return ""
    try:
        Path(address.path).unlink()
    except OSError as error:
        raise ListenError(
            f"the stale socket file at {address.path}, left by a process that has died, "
            f"can't be removed: {error.strerror}; remove it by hand"
        ) from None
    return f"replaced the stale socket file at {address.path}: its daemon has died"


def refuse_occupied(address: Address) -> Occupant:
    """Return whether a socket path is free or stale.

    Raises:
        ListenError: it is neither.
        OSError: the directory can't be searched.
    """
    found = find_occupant(address.path)
    if found is Occupant.ALIVE:
        raise ListenError(
            f"{address} is taken: another process listens there (see `ss -lxp`); "
            "stop it, or choose another path in listen"
        )
    if found is Occupant.NOT_A_SOCKET:
        raise ListenError(
            f"can't listen on {address}: there is a file at that path, and it is not a socket; "
            "move it away, or choose another path in listen"
        )
    if found is Occupant.UNKNOWN:
        raise ListenError(
            f"this user may not connect to the socket at {address.path}, so it is unknown whether "
            "a process listens there; remove it if none does"
        )
    return found


def explain_failure(address: Address, error: OSError) -> str:
    """Describe why an address can't be listened on, and what to do."""
    directory = Path(address.path).parent
    if address.path and error.errno == errno.ENOENT:
        return (
            f"can't listen on {address}: the directory {directory} does not exist; "
            "create it, writable for the user that runs hookframe"
        )
    hint = ""
    if address.path and error.errno in _FORBIDDEN:
        hint = f"; the directory {directory} must be writable for the user that runs hookframe"
    lock = f"{error.filename}: " if error.filename not in {None, address.path} else ""
    return f"can't listen on {address}: {lock}{error.strerror}{hint}"
