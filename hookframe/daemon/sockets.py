"""The listening sockets: made with the right permissions, and taken away again."""

from __future__ import annotations

import errno
import os
import socket
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from hookframe.address import Address
from hookframe.errors import HookframeError

BACKLOG: Final = 1024
_ALL_BUT_OWNER_AND_GROUP: Final = 0o117
"""The umask that leaves a unix socket with mode 0660 (CONTRACT 8)."""


class ListenError(HookframeError):
    """An address that can't be listened on; the text says why, and what to do."""


@dataclass(frozen=True, slots=True)
class Listener:
    """A socket that listens.

    Args:
        address: where.
        socket: the socket.
        inode: the device and inode of a unix socket's file, to take away no other one.
        replaced: whether the file of a daemon that has died stood in its place.
    """

    address: Address
    socket: socket.socket
    inode: tuple[int, int] | None = None
    replaced: bool = False

    def __str__(self) -> str:
        if self.address.path:
            return f"{self.address.protocol}+{self.address}"
        port = self.socket.getsockname()[1]
        return f"{self.address.protocol}+{Address('', host=self.address.host, port=port)}"

    def close(self) -> None:
        """Stop listening, and remove the socket's file if it is still this one's."""
        self.socket.close()
        if self.inode is not None:
            with suppress(OSError):
                if _inode(self.address.path) == self.inode:
                    Path(self.address.path).unlink()


def listen(address: Address) -> Listener:
    """Listen on one address.

    Args:
        address: where; a unix socket gets mode 0660.

    Raises:
        ListenError: the address is taken, or can't be had for another reason.
    """
    return _listen_unix(address) if address.path else _listen_tcp(address)


def _listen_tcp(address: Address) -> Listener:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    server = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    try:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address.host, address.port))
        server.listen(BACKLOG)
    except OSError as error:
        server.close()
        if error.errno == errno.EADDRINUSE:
            raise ListenError(
                f"{address} is taken: another process listens there (see `ss -ltnp`); "
                "stop it, or choose another address in listen"
            ) from None
        raise ListenError(f"can't listen on {address}: {error.strerror}") from None
    return Listener(address, server)


def _listen_unix(address: Address) -> Listener:
    replaced = _remove_stale(address)
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
    previous = os.umask(_ALL_BUT_OWNER_AND_GROUP)
    try:
        server.bind(address.path)
        server.listen(BACKLOG)
        return Listener(address, server, _inode(address.path), replaced)
    except OSError as error:
        server.close()
        if error.errno == errno.ENOENT:
            raise ListenError(
                f"can't listen on {address}: the directory {Path(address.path).parent} does not "
                "exist; create it, writable for the user that runs hookframe"
            ) from None
        raise ListenError(f"can't listen on {address}: {error.strerror}") from None
    finally:
        os.umask(previous)


def _remove_stale(address: Address) -> bool:
    """Remove the socket of a daemon that has died, and nothing else."""
    try:
        mode = os.lstat(address.path).st_mode
    except FileNotFoundError:
        return False
    except OSError as error:
        raise ListenError(f"can't listen on {address}: {error.strerror}") from None
    if not stat.S_ISSOCK(mode):
        raise ListenError(
            f"can't listen on {address}: a file that is not a socket stands there; "
            "move it away, or choose another path in listen"
        )
    _refuse_if_alive(address)
    try:
        Path(address.path).unlink()
    except OSError as error:
        raise ListenError(
            f"a stale socket file lies at {address.path}, left by a process that has died, and it "
            f"can't be removed: {error.strerror}; remove it by hand"
        ) from None
    return True


def _refuse_if_alive(address: Address) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(address.path)
        except ConnectionRefusedError:
            return
        except OSError as error:
            raise ListenError(
                f"a socket lies at {address.path}, and whether a process listens there can't be "
                f"known: {error.strerror or error}; remove it if none does"
            ) from None
    raise ListenError(
        f"{address} is taken: another process listens there (see `ss -lxp`); "
        "stop it, or choose another path in listen"
    )


def _inode(path: str) -> tuple[int, int]:
    status = os.lstat(path)
    return status.st_dev, status.st_ino
