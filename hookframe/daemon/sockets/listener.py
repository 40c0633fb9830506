"""The listening sockets: made with the right permissions, and taken away again."""

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
    Identity,
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
    """An address that can't be listened on; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that listens.

    Args:
        address: where.
        socket: the socket.
        file: the file of a unix socket that we have made; None where there is none to remove.
        remark: what somebody should look at; empty where all is as usual.
    """

    address: Address
    socket: socket.socket
    file: Identity | None = None
    remark: str = ""

    def __str__(self) -> str:
        if self.address.path:
            return f"{self.address.protocol}+{self.address}"
        port = self.socket.getsockname()[1]
        return f"{self.address.protocol}+{Address('', host=self.address.host, port=port)}"

    def close(self) -> None:
        """Stop listening, and remove the file that we have made if it is still the same one."""
        self.socket.close()
        if self.file is not None:
            remove(self.address.path, self.file)


def listen(address: Address) -> Listener:
    """Listen on one address.

    Args:
        address: where; a unix socket gets mode 0660.

    Raises:
        ListenError: the address is taken, or can't be had for another reason.
    """
    return _listen_unix(address) if address.path else _listen_tcp(address)


def bind_tcp(address: Address) -> socket.socket:
    """Make the socket of a TCP address, which does not listen yet.

    Raises:
        OSError: the address is taken, or can't be had for another reason.
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
        refuse_occupied(address)  # says more than the lock can where the directory is not ours
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
    """Remove the socket of a daemon that has died, and nothing else; say what was done."""
    if refuse_occupied(address) is Occupant.NOBODY:
        return ""
    try:
        Path(address.path).unlink()
    except OSError as error:
        raise ListenError(
            f"a stale socket file lies at {address.path}, left by a process that has died, and it "
            f"can't be removed: {error.strerror}; remove it by hand"
        ) from None
    return f"replaced the stale socket file at {address.path}: its daemon has died"


def refuse_occupied(address: Address) -> Occupant:
    """Say whether nobody stands at the path of a unix socket, or a stale file does.

    Raises:
        ListenError: something else stands there.
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
            f"can't listen on {address}: a file that is not a socket stands there; "
            "move it away, or choose another path in listen"
        )
    if found is Occupant.UNKNOWN:
        raise ListenError(
            f"a socket lies at {address.path} that this user may not connect to, so whether a "
            "process listens there can't be known; remove it if none does"
        )
    return found


def explain_failure(address: Address, error: OSError) -> str:
    """Say why an address can't be listened on, and what to do."""
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
