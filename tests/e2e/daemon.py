"""`hookframe serve` in the private network, as an administrator runs it."""

from __future__ import annotations

import signal
from pathlib import Path

from hookframe.testing import Daemon as PlainDaemon

from .namespace import Namespace


class Daemon(PlainDaemon):
    """A daemon with one socket, which Exim may connect to.

    Args:
        namespace: the network that it runs in.
        directory: for its files.
        socket_path: where it listens.
    """

    def __init__(self, namespace: Namespace, directory: Path, socket_path: Path) -> None:
        super().__init__(directory)
        self.exim = socket_path
        self._namespace = namespace

    def start_with(self, hook: str, more_configuration: str = "") -> None:
        """Write the hook file and the configuration, and start."""
        self.write(hook, more_configuration, [f"exim+unix:{self.exim}"])
        self.start()

    def launch(self, *before: str) -> None:
        """Start it in the namespace."""
        super().launch(*self._namespace.command(*before))

    def wait_for_generation(self, number: int) -> None:
        """Wait until a changed file is live."""
        self.wait_for(f"generation {number}:")

    def kill(self) -> None:
        """Kill the supervisor."""
        self.signal(signal.SIGKILL)
        self.wait()
