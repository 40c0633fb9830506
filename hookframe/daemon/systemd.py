"""Report the daemon's state to the service manager (sd_notify(3), sd_watchdog_enabled(3))."""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from math import inf
from time import monotonic, monotonic_ns
from typing import Self

from hookframe._text import one_line


class Notifier:
    """Sends messages to the service manager; does nothing without one.

    It never raises and never waits, because the daemon must not depend on the manager. Only the
    service's main process may send (`NotifyAccess=main`).

    Args:
        address: the path of the manager's datagram socket, an abstract one with `@` first; empty
            for no manager.
        watchdog: seconds without a ping after which the manager restarts the daemon; 0 for never.
    """

    def __init__(self, address: str = "", watchdog: float = 0.0) -> None:
        self._address = os.fsencode(address)
        if address.startswith("@"):
            self._address = b"\0" + self._address[1:]
        self._pause = watchdog / 2
        self._next_ping = 0.0
        self._unsent = ""
        self._socket = _open_datagram_socket() if address.startswith(("/", "@")) else None

    @classmethod
    def from_environment(cls, environment: MutableMapping[str, str] = os.environ) -> Self:
        """Build a notifier from the environment variables.

        Args:
            environment: the variables; they are removed, so that programs of hooks don't use them.
        """
        address, time, pid = (
            environment.pop(name, "") for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
        )
        watched = time.isascii() and time.isdigit() and pid in {"", str(os.getpid())}
        return cls(address, int(time) / 1_000_000 if watched else 0.0)

    def ready(self, status: str = "") -> None:
        """Report that the daemon serves.

        Args:
            status: the line for `systemctl status`; may be empty.
        """
        self._send_state(f"READY=1\nSTATUS={one_line(status)}" if status else "READY=1")

    def reloading(self) -> None:
        """Report that a changed policy is being loaded."""
        self._send_state(f"RELOADING=1\nMONOTONIC_USEC={monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """Report that the daemon stops."""
        self._send_state("STOPPING=1")

    def ping(self) -> None:
        """Ping the watchdog if it is time, and resend a message that the manager did not take."""
        if self._unsent:
            self._send_state(self._unsent)
        if self._pause and monotonic() >= self._next_ping:
            self._next_ping = monotonic() + self._pause
            self._send("WATCHDOG=1")

    def seconds_until_ping(self) -> float:
        """Return the seconds until the next ping."""
        if self._unsent:
            return 0.1
        return max(0.0, self._next_ping - monotonic()) if self._pause else inf

    def close(self) -> None:
        """Close the socket; children of the main process must not notify."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send_state(self, message: str) -> None:
        """Send a message, and keep it if the manager does not take it."""
        self._unsent = "" if self._send(message) else message

    def _send(self, message: str) -> bool:
        """Send a message; return whether it need not be sent again."""
        if self._socket is None:
            return True
        data = message.encode("utf-8", "backslashreplace")
        try:
            self._socket.sendto(data, socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL, self._address)
        except OSError:
            return False
        return True


def _open_datagram_socket() -> socket.socket | None:
    try:
        return socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    except OSError:
        return None
