"""The daemon of the demonstration, and a connection to it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Final

from hookframe.api.errors import HookframeError
from hookframe.config.address import LONGEST_SOCKET_PATH

_SERVE: Final = (sys.executable, "-m", "hookframe", "serve")
_SOCKET: Final = "demo.sock"
_LOG: Final = "daemon.log"
_START: Final = 30.0
"""Seconds to wait for the start, on a slow machine."""
_STOP: Final = 10.0
_ANSWER: Final = 10.0
_TRIES: Final = 4
"""How often an attempt is asked when its connection ends before the answer."""


class DaemonFailed(HookframeError):
    """The daemon did not start, has died, or behaved unexpectedly; the text says how."""


class Daemon:
    """A running daemon of the explain protocol.

    Args:
        folder: the directory of its configuration, socket and log.
        process: the process.
    """

    def __init__(self, folder: Path, process: subprocess.Popen[bytes]) -> None:
        self._folder = folder
        self._process = process
        self._open()

    def ask(self, attempt: Mapping[str, Any]) -> dict[str, Any]:
        """Send one attempt.

        Returns:
            The answer: `decision`, `decided_by` and `trace`.

        Raises:
            DaemonFailed: there is none.
        """
        request = json.dumps(attempt).encode() + b"\n"
        for _ in range(_TRIES):
            line = self._exchange(request)
            if line.endswith(b"\n"):
                break
            # The daemon closes connections when its policy changes.
            self.close()
            self._open()
        else:
            raise DaemonFailed(self._add_log("the daemon closed the connection"))
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _exchange(self, request: bytes) -> bytes:
        """Send a request; return the answer, or what there is of it if the connection ends."""
        try:
            self._connection.sendall(request)
            return self._answers.readline()
        except ConnectionError:
            return b""
        except OSError as error:
            raise DaemonFailed(self._add_log(f"the daemon does not answer: {error}")) from None

    def wait_for_log(self, words: str) -> str:
        """Wait for a line of the daemon's log; return it from these words on."""
        until = monotonic() + _ANSWER
        while monotonic() < until:
            for line in reversed(self._read_log().splitlines()):
                if words in line:
                    return line[line.index(words) :]
            sleep(0.01)
        raise DaemonFailed(self._add_log(f"the daemon did not log {words!r}"))

    def close(self) -> None:
        """Close the connection."""
        self._answers.close()
        self._connection.close()

    def _open(self) -> None:
        self._connection = self._connect()
        self._answers = self._connection.makefile("rb")

    def _connect(self) -> socket.socket:
        until = monotonic() + _START
        while True:
            if self._process.poll() is not None:
                raise DaemonFailed(self._add_log("the daemon has ended"))
            connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                connection.settimeout(_ANSWER)
                connection.connect(str(self._folder / _SOCKET))
            except OSError as error:
                connection.close()
                if monotonic() > until:
                    raise DaemonFailed(self._add_log(f"can't connect: {error}")) from None
                sleep(0.02)
            else:
                return connection

    def _add_log(self, problem: str) -> str:
        """Append the end of the log to a problem."""
        lines = self._read_log().splitlines()[-5:]
        return "; ".join([problem, *lines])

    def _read_log(self) -> str:
        return (self._folder / _LOG).read_text("utf-8", "replace")


@contextmanager
def make_demo_folder() -> Iterator[Path]:
    """Make a temporary directory whose path is short enough for a socket."""
    longest_name = LONGEST_SOCKET_PATH - len("/hookframe-demo-12345678/") - len(_SOCKET)
    usual = tempfile.gettempdir()
    parent = usual if len(usual.encode()) <= longest_name else "/tmp"  # noqa: S108
    with tempfile.TemporaryDirectory(
        prefix="hookframe-demo-", dir=parent, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


@contextmanager
def run_daemon(folder: Path, config: str) -> Iterator[Daemon]:
    """Start a daemon, and stop it by SIGTERM at the end.

    Args:
        folder: the directory of its configuration.
        config: the file name of the configuration.

    Raises:
        DaemonFailed: it does not start.
    """
    address = f"explain+unix:{folder / _SOCKET}"
    with (folder / _LOG).open("wb") as log:
        process = subprocess.Popen(  # noqa: S603  (our own interpreter and module)
            [*_SERVE, "--config", str(folder / config), "--listen", address],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            process_group=0,  # Ctrl-C goes to this process, which then stops the daemon
        )
    daemon = None
    try:
        daemon = Daemon(folder, process)
        yield daemon
    finally:
        if daemon is not None:
            daemon.close()
        _end(process)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    with suppress(subprocess.TimeoutExpired):
        process.wait(_STOP)
        return
    process.kill()
    process.wait()
