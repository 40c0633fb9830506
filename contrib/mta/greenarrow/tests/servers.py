"""Daemons that misbehave."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import suppress
from pathlib import Path

from .host import PATIENCE


class Server:
    """A daemon that misbehaves: each connection is served as the function says whose turn it is.

    Args:
        address: a path for a unix socket, or an IP address for TCP.
        turns: a function for each connection in turn, called with the connection.
    """

    def __init__(self, address, *turns) -> None:
        self._turns = turns
        self.connections = 0
        self._threads: list[threading.Thread] = []
        self._broken: list[BaseException] = []
        if isinstance(address, Path):
            self._listening = socket.socket(socket.AF_UNIX)
            self._listening.bind(str(address))
            self.address = f"unix:{address}"
        else:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            self._listening = socket.socket(family)
            self._listening.bind((address, 0))
            host = f"[{address}]" if ":" in address else address
            self.address = f"tcp:{host}:{self._listening.getsockname()[1]}"
        self._listening.listen()
        self._acceptor = threading.Thread(target=self._accept)
        self._acceptor.start()

    def _accept(self):
        with suppress(OSError):  # it has been shut down
            while True:
                connection, _ = self._listening.accept()
                thread = threading.Thread(target=self._serve, args=(connection, self.connections))
                self.connections += 1
                self._threads.append(thread)
                thread.start()

    def _serve(self, connection, number):
        try:
            with connection:
                connection.settimeout(PATIENCE)
                self._turns[number](connection)
        except BaseException as error:
            self._broken.append(error)

    def close(self):
        """Stop; no connection may have gone otherwise than its function expected."""
        self._listening.shutdown(socket.SHUT_RDWR)
        self._acceptor.join()
        self._listening.close()
        for thread in self._threads:
            thread.join()
        if self._broken:
            raise self._broken[0]


def request_on(connection):
    """Read one attempt; None where the client has closed the connection instead."""
    line = b""
    while not line.endswith(b"\n"):
        piece = connection.recv(65536)
        if not piece:
            assert line == b""
            return None
        line += piece
    return json.loads(line)


def answer_all(connection):
    """Answer each attempt with its recipient, until the client closes the connection."""
    while (asked := request_on(connection)) is not None:
        answer_one(connection, asked)


def answer_one(connection, asked=None):
    """Answer one attempt with its recipient."""
    asked = asked or request_on(connection)
    connection.sendall(
        json.dumps({"action": "dump", "message": asked["recipient"]}).encode() + b"\n"
    )


def dumped(recipient):
    """The decision that `answer_all` gives."""
    return {"action": "dump", "message": recipient}
