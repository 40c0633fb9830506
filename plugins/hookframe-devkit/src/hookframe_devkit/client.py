"""A client of the daemon: sends bytes and reads the answers, as a mail server does."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Self

from hookframe_devkit.waiting import PATIENCE

_MOST_AGAIN: Final = 3
"""How often a request is sent again when the connection ends before its answer."""


class Client:
    """One connection to the daemon.

    Args:
        where: the path of a unix socket, or the address and port of a TCP socket.
        timeout: how long to wait for each answer, in seconds.

    Raises:
        OSError: the connection can't be made.
    """

    def __init__(self, where: Path | str | tuple[str, int], timeout: float = PATIENCE) -> None:
        self._where = where
        self._timeout = timeout
        self._connect()

    def _connect(self) -> None:
        where = self._where
        family = socket.AF_INET if isinstance(where, tuple) else socket.AF_UNIX
        self.socket = socket.socket(family)
        self.socket.settimeout(self._timeout)
        try:
            self.socket.connect(where if isinstance(where, tuple) else str(where))
        except OSError:
            self.socket.close()
            raise
        self._received = self.socket.makefile("rb")

    def ask(self, request: Mapping[str, Any]) -> Any:
        """Send a request of the jsonl protocol, and read the answer.

        The daemon closes connections when its policy is changed. So if this one ends before the
        answer, the request is sent again on a new one, up to three times.

        Args:
            request: an attempt, or `{"hookframe": "status"}`.

        Returns:
            The answer: the decision, or the status.

        Raises:
            AssertionError: the connection ended without an answer each time.
            OSError: a new connection can't be made.
            TimeoutError: nothing came in time.
        """
        line = json.dumps(request).encode() + b"\n"
        for again in range(1 + _MOST_AGAIN):
            if again:
                self.close()
                self._connect()
            with suppress(BrokenPipeError, ConnectionResetError):
                self.send(line)
                if self._received.peek(1):
                    return self.answer()
        raise AssertionError(f"the connection ended without an answer {1 + _MOST_AGAIN} times")

    def send(self, data: bytes) -> None:
        """Send all these bytes."""
        self.socket.sendall(data)

    def half_close(self) -> None:
        """Close the sending side; answers can still be read."""
        self.socket.shutdown(socket.SHUT_WR)

    def line(self) -> bytes:
        """Read a line, with its newline.

        Raises:
            AssertionError: the connection ended before the newline.
            TimeoutError: nothing came in time.
        """
        line = self._received.readline()
        if not line.endswith(b"\n"):
            raise AssertionError(f"the connection ended after {line!r}")
        return line

    def answer(self) -> Any:
        """Read one line as JSON."""
        return json.loads(self.line())

    def answers(self, number: int) -> list[Any]:
        """Read a number of lines as JSON."""
        return [self.answer() for _ in range(number)]

    def rest(self) -> bytes:
        """Read to the end of the connection."""
        parts = []
        with suppress(ConnectionResetError):  # the daemon closed before it read all of our bytes
            while data := self._received.read1():
                parts.append(data)
        return b"".join(parts)

    def close(self) -> None:
        """Close the connection."""
        self._received.close()
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
