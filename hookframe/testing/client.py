"""A client of the daemon, as a mail server has one: it sends bytes, and reads the answers."""

from __future__ import annotations

import json
import socket
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from hookframe.testing.waiting import PATIENCE

_CHUNK: Final = 65536


class Client:
    """One connection to the daemon.

    Args:
        where: the path of a unix socket, or the address and port of a TCP socket.
        timeout: how long to wait for each answer, in seconds.

    Raises:
        OSError: the connection can't be made.
    """

    def __init__(self, where: Path | str | tuple[str, int], timeout: float = PATIENCE) -> None:
        family = socket.AF_INET if isinstance(where, tuple) else socket.AF_UNIX
        self.socket = socket.socket(family)
        self.socket.settimeout(timeout)
        try:
            self.socket.connect(where if isinstance(where, tuple) else str(where))
        except OSError:
            self.socket.close()
            raise
        self._received = b""

    def ask(self, request: Mapping[str, Any]) -> Any:
        """Send a request of the jsonl protocol, and read the answer.

        Args:
            request: an attempt, or `{"hookframe": "status"}`.

        Returns:
            The answer: the decision, or the status.
        """
        self.send(json.dumps(request).encode() + b"\n")
        return self.answer()

    def send(self, data: bytes) -> None:
        """Send all these bytes."""
        self.socket.sendall(data)

    def half_close(self) -> None:
        """Close the sending side; answers can still be read."""
        self.socket.shutdown(socket.SHUT_WR)

    def line(self) -> bytes:
        """Read up to a newline, which is part of what this returns.

        Raises:
            AssertionError: the connection ended before.
            TimeoutError: nothing came in time.
        """
        while b"\n" not in self._received:
            data = self.socket.recv(_CHUNK)
            if not data:
                raise AssertionError(f"the connection ended after {self._received!r}")
            self._received += data
        answer, _, self._received = self._received.partition(b"\n")
        return answer + b"\n"

    def answer(self) -> Any:
        """Read one line as JSON."""
        return json.loads(self.line())

    def answers(self, number: int) -> list[Any]:
        """Read so many lines as JSON."""
        return [self.answer() for _ in range(number)]

    def rest(self) -> bytes:
        """Read to the end of the connection."""
        with suppress(ConnectionResetError):  # the daemon closed with something of ours unread
            while data := self.socket.recv(_CHUNK):
                self._received += data
        rest, self._received = self._received, b""
        return rest

    def close(self) -> None:
        """Close the connection."""
        self.socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()
