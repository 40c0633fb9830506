"""The daemon under test: `hookframe serve` as a process with its own directory."""

from __future__ import annotations

import json
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, Final, Self

from hookframe_devkit.client import Client
from hookframe_devkit.waiting import PATIENCE, eventually

_SERVE: Final = (sys.executable, "-m", "hookframe", "serve", "--config")
_LISTENING: Final = "listening on"
_FALLBACK: Final = "hookframe-stand"
"""The name under which the system shows a process that answers while there is no worker."""


class Daemon:
    """A daemon that a test starts, asks and stops.

    It listens on three unix sockets and on a free TCP port of 127.0.0.1:

        with Daemon() as daemon:
            daemon.write("def pre_delivery_attempt(attempt): return None\\n")
            daemon.start()
            assert daemon.ask(make_attempt()) == {"action": "normal"}

    Args:
        directory: where its files are. By default a temporary directory with a short name: the path
            of a unix socket has at most 107 bytes, unix(7). `close` removes it.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._is_temporary = directory is None
        self.directory = directory or Path(tempfile.mkdtemp(prefix="hf-", dir="/tmp"))
        self.jsonl = self.directory / "jsonl.sock"
        """the socket that speaks the jsonl protocol"""
        self.exim = self.directory / "exim.sock"
        """the socket that speaks the exim protocol"""
        self.explain = self.directory / "explain.sock"
        """the socket that answers with the whole explanation"""
        self.configuration = self.directory / "hookframe.toml"
        self.hook_file = self.directory / "hook.py"
        self._lines: list[str] = []
        self._process: subprocess.Popen[str] | None = None
        self._reader = threading.Thread()

    def write(self, hook: str, more: str = "", listen: Sequence[str] | None = None) -> None:
        """Write the configuration and the hook file.

        Args:
            hook: the text of the hook file.
            more: further lines of hookframe.toml: top-level keys first, then tables.
            listen: the addresses, as the key `listen` has them; None for the usual four.
        """
        if listen is None:
            listen = [
                f"unix:{self.jsonl}",
                f"exim+unix:{self.exim}",
                f"explain+unix:{self.explain}",
                "tcp:127.0.0.1:0",
            ]
        self.save(self.hook_file, hook)
        addresses = json.dumps(list(listen))
        self.save(self.configuration, f'listen = {addresses}\nhook_file = "hook.py"\n{more}')

    @staticmethod
    def save(path: Path, text: str) -> None:
        """Write a file by renaming a new one over it, as editors do."""
        new = path.with_name(path.name + ".new")
        new.write_text(text, "utf-8")
        new.rename(path)

    def start(self, *before: str) -> Self:
        """Start it, and wait until it listens, and a worker answers or the policy is broken.

        Args:
            before: a command that runs the one in its further arguments, such as `env NAME=value`.

        Raises:
            AssertionError: it ended, or did not listen in time; the text has its log.
        """
        earlier = self.output.count(_LISTENING)
        self.launch(*before)
        self.wait_for(_LISTENING, earlier + 1)
        # A busy machine may start no worker in time; the fallback answers with temporary failures.
        # Where the policy is broken it stays.
        eventually(lambda: "error loading" in self.output or not self._has_fallback())
        return self

    def launch(self, *before: str) -> None:
        """Start it without waiting; the arguments are those of `start`."""
        self._process = subprocess.Popen(  # noqa: S603  (a test runs what it says)
            [*before, *_SERVE, str(self.configuration)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=self.directory,
            encoding="utf-8",
        )
        self._reader = threading.Thread(target=self._read, args=(self._process.stdout,))
        self._reader.start()

    @property
    def pid(self) -> int:
        """The id of its process: the supervisor."""
        return self._started.pid

    @property
    def output(self) -> str:
        """Its log so far."""
        return "".join(self._lines)

    def wait_for(self, text: str, times: int = 1) -> str:
        """Wait until its log has a text.

        Args:
            text: a part of a line.
            times: how many lines must have it.

        Returns:
            The last of these lines.

        Raises:
            AssertionError: it ended, or the time is up; the text has its log.
        """
        with suppress(AssertionError):
            eventually(lambda: not self._reader.is_alive() or len(self._find(text)) >= times)
        found = self._find(text)
        if len(found) < times:
            raise AssertionError(f"{text!r} not {times} times in:\n{self.output}")
        return found[times - 1]

    @property
    def port(self) -> tuple[str, int]:
        """The address and port of its TCP socket."""
        match = re.search(r"tcp:127\.0\.0\.1:([0-9]+)", self.wait_for(_LISTENING))
        if match is None:
            raise AssertionError(f"it listens on no TCP socket:\n{self.output}")
        return "127.0.0.1", int(match[1])

    def connect(self, where: Path | tuple[str, int] | None = None) -> Client:
        """Open a connection, by default to the jsonl socket."""
        return Client(self.jsonl if where is None else where)

    def ask(self, request: Mapping[str, Any], where: Path | tuple[str, int] | None = None) -> Any:
        """Ask about one attempt on a new connection; see `Client.ask`."""
        with self.connect(where) as client:
            return client.ask(request)

    def exchange(self, data: bytes, where: Path | tuple[str, int] | None = None) -> bytes:
        """Send bytes on a new connection, close its sending side, and read to the end."""
        with self.connect(where) as client:
            client.send(data)
            client.half_close()
            return client.rest()

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the supervisor."""
        self._started.send_signal(number)

    def wait(self) -> int:
        """Wait until it ends; return its exit status."""
        status = self._started.wait(PATIENCE)
        self._reader.join(PATIENCE)
        return status

    @property
    def is_running(self) -> bool:
        """Whether the supervisor runs."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> int:
        """Stop it by SIGTERM, as a service manager does; return its exit status."""
        if self.is_running:
            self.signal(signal.SIGTERM)
        return self.wait()

    def close(self) -> None:
        """Stop it, or kill it if it does not stop; remove its temporary directory."""
        try:
            if self._process is not None:
                self.stop()
        finally:
            if self.is_running:
                self.signal(signal.SIGKILL)
                self.wait()
            if self._is_temporary:
                shutil.rmtree(self.directory)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def _started(self) -> subprocess.Popen[str]:
        if self._process is None:
            raise AssertionError("the daemon was not started")
        return self._process

    def _has_fallback(self) -> bool:
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text("ascii").split()
        for child in children:
            with suppress(OSError):  # it has just ended
                if Path(f"/proc/{child}/comm").read_text("utf-8").strip() == _FALLBACK:
                    return True
        return False

    def _read(self, stream: IO[str]) -> None:
        with stream:
            for line in stream:
                self._lines.append(line)

    def _find(self, text: str) -> list[str]:
        return [each for each in self._lines if text in each]
