"""`hookframe serve` in a directory of its own, and what can be asked of it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import perf_counter, sleep
from typing import Final

from benchmarks.lab import ATTEMPT

_PATIENCE: Final = 20.0


def line(**changes: object) -> bytes:
    """Write an attempt as a client sends it."""
    return json.dumps({**ATTEMPT, **changes}).encode() + b"\n"


class Daemon:
    """A daemon that runs.

    Args:
        directory: where; it must exist.
        hook: the text of its hook file.
        arguments: further arguments of the command.
    """

    def __init__(self, directory: Path, hook: str, *arguments: str) -> None:
        self.address = directory / "socket"
        (directory / "hook.py").write_text(hook)
        config = directory / "hookframe.toml"
        config.write_text(
            f'listen = "unix:{self.address}"\nhook_file = "hook.py"\ndeadline = "1h"\n'
        )
        command = (sys.executable, "-m", "hookframe", "serve", "--config", str(config), *arguments)
        self._process = subprocess.Popen(command, stderr=subprocess.PIPE, encoding="utf-8")
        self.pid = self._process.pid
        self.wait_for("listening on")

    def wait_for(self, text: str) -> None:
        """Wait until its log has a line with this text."""
        for said in self._process.stderr or ():
            if text in said:
                return
        sys.exit(f"the daemon ended before it said {text!r}")

    def connect(self) -> socket.socket:
        """Open a connection."""
        client = socket.socket(socket.AF_UNIX)
        client.settimeout(_PATIENCE)
        client.connect(str(self.address))
        return client

    def until_it_answers(self, message: str) -> None:
        """Ask until this is the answer: a dying worker may yet accept, or a stand-in answer."""
        until = perf_counter() + _PATIENCE
        while perf_counter() < until:
            with suppress(ConnectionError), self.connect() as client:
                client.sendall(line())
                text = client.recv(4096)
                if text and json.loads(text).get("message") == message:
                    return
        sys.exit(f"no such answer within {_PATIENCE} s: {message}")

    def process(self, role: str, age: float = 0.0, other_than: int = 0) -> int:
        """Wait until another process of the daemon has this role, and this age; return its id."""
        until = perf_counter() + _PATIENCE
        while perf_counter() < until:
            with self.connect() as client:
                client.sendall(b'{"hookframe": "status"}\n')
                status = json.loads(client.makefile().readline())
            for each in status["workers"]:
                pid = int(each["pid"])
                if each["role"] == role and each["uptime"] >= age and pid != other_than:
                    return pid
            sleep(0.02)
        sys.exit(f"the daemon has no {role}")

    def stop(self) -> None:
        """Stop it as a service manager does."""
        self._process.terminate()
        with suppress(subprocess.TimeoutExpired):
            self._process.communicate(timeout=_PATIENCE)
        self._process.kill()


@contextmanager
def daemon(directory: Path, hook: str, *arguments: str) -> Iterator[Daemon]:
    """Run a daemon; arguments as for `Daemon`."""
    running = Daemon(directory, hook, *arguments)
    try:
        yield running
    finally:
        running.stop()
