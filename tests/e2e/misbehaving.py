"""Servers on the daemon's socket that do what a daemon must never do."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

COMPLETE = b'action="normal" end="1"\n'


class Server:
    """Takes connections and hands each to `behave` until it is closed."""

    def __init__(self, path, behave) -> None:
        self.requests: list[bytes] = []
        self._behave = behave
        self.over = threading.Event()
        self._path = path
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        path.chmod(0o660)
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            client, _ = self._listener.accept()
            with client, contextlib.suppress(ConnectionError):
                if self.over.is_set():
                    return
                self._behave(client, self)

    def read(self, client) -> bytes:
        """Read a whole request, as a daemon would."""
        request = b""
        while chunk := client.recv(65536):
            request += chunk
        self.requests.append(request)
        return request

    def close(self) -> None:
        self.over.set()
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(str(self._path))
        self._thread.join()
        self._listener.close()
        self._path.unlink()


def answers(text: bytes):
    """Answers this text, and closes."""

    def behave(client, server) -> None:
        server.read(client)
        client.sendall(text)

    return behave


def hangs(client, server) -> None:
    """Reads, and says nothing."""
    server.read(client)
    server.over.wait()


def is_deaf(client, server) -> None:
    """Does not even read."""
    server.over.wait()


def dribbles(client, server) -> None:
    """Sends a valid answer so slowly that it never gets to its end."""
    server.read(client)
    for byte in COMPLETE * 100:
        client.sendall(bytes([byte]))
        time.sleep(0.1)


def closes_unread(client, server) -> None:
    """Closes at once, with the request unread."""
