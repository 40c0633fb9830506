"""The connections of one process of the daemon, in the process of the test."""

from __future__ import annotations

import socket
from collections.abc import Callable

from hookframe import Host
from hookframe.config.address import Address
from hookframe.config.model import Config
from hookframe.daemon.loop import Loop
from hookframe.daemon.scoreboard import RequestMarker, Slot
from hookframe.daemon.server.server import Server
from hookframe.daemon.sockets.listener import Listener
from hookframe.log.log import Log


class Serving:
    """A server with an empty chain, on a unix socket.

    Args:
        path: of the socket.
        on_error: takes the errors of its loop.
        protocol: the protocol that is spoken there.
        told: what else the server is given, by name.
    """

    def __init__(
        self,
        path: str,
        on_error: Callable[[Exception], object],
        protocol: str = "jsonl",
        **told: Callable[..., object],
    ) -> None:
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(path)
        self._listener = Listener(Address(protocol, path), listening)
        self._host = Host.of(Config(), watch=False)
        self.path = path
        self.loop = Loop(on_error)
        self.server = Server(
            self._host,
            [self._listener],
            Config(),
            Log(),
            RequestMarker(Slot()),
            lambda _: b"{}",
            self.loop,
            **told,
        )
        self.server.prepare()
        self.server.open()

    def close(self) -> None:
        """Close all of it."""
        self.loop.close()
        self._host.close()
        self._listener.close()
