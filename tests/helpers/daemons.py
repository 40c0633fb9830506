"""The daemon of `hookframe.testing`, with the obedient hook file and a check of its log."""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from pathlib import Path

from hookframe.testing import Daemon as PlainDaemon

from .obedient_hook import OBEDIENT

UNEXPECTED = ("Traceback", "atal error", "Warning:", "Exception in callback")


class Daemon(PlainDaemon):
    """A daemon whose log must be free of tracebacks and warnings when it is closed."""

    def write(self, hook: str = OBEDIENT, more: str = "", listen=None) -> None:
        """Write the configuration and the hook file."""
        super().write(hook, more, listen)

    def memory(self) -> int:
        """The most memory that it has had resident so far, in bytes."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+([0-9]+) kB", status)[1]) * 1024

    def close(self) -> None:
        """End it whatever it does, and check what holds for every run."""
        super().close()
        for unexpected in UNEXPECTED:
            assert unexpected not in self.output, self.output


@contextmanager
def daemons(kind=Daemon):
    """Yield a function that makes daemons; they are closed in the end, the last one first."""
    with ExitStack() as stack:

        def make():
            daemon = kind()
            stack.callback(daemon.close)
            return daemon

        yield make
