"""Tells the service manager how the daemon is.

Source: sd_notify(3), sd_watchdog_enabled(3). A message is one datagram of `NAME=value` lines.
"""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from math import inf
from time import CLOCK_MONOTONIC, clock_gettime_ns, monotonic
from typing import Self

from hookframe._text import one_line


class Notifier:
    """Sends messages to the service manager, and does nothing where there is none.

    It never raises and never waits, because the daemon must not depend on being heard. Messages
    come from the service's main process, or they do not count (`NotifyAccess=main`).

    Args:
        address: the path of the manager's datagram socket, an abstract one with `@` first; empty
            where there is none.
        watchdog: seconds of silence after which the daemon is taken to be stuck; 0 for never.
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
        """Make the one that the variables describe.

        Args:
            environment: the variables; they are removed, so that no program that a hook starts
                speaks for the daemon.
        """
        address, time, pid = (
            environment.pop(name, "") for name in ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")
        )
        watched = time.isascii() and time.isdigit() and pid in {"", str(os.getpid())}
        return cls(address, int(time) / 1_000_000 if watched else 0.0)

    def ready(self, status: str = "") -> None:
        """Say that clients are answered, for the first time or after a reload.

        Args:
            status: one line for `systemctl status`.
        """
        self._send_state("READY=1", status)

    def reloading(self, status: str = "") -> None:
        """Say that a reload has begun; `ready` says that it has ended."""
        now = clock_gettime_ns(CLOCK_MONOTONIC) // 1000
        self._send_state(f"RELOADING=1\nMONOTONIC_USEC={now}", status)

    def stopping(self, status: str = "") -> None:
        """Say that the daemon is about to end."""
        self._send_state("STOPPING=1", status)

    def status(self, text: str) -> None:
        """Set the line for `systemctl status`."""
        self._send(_format_status(text))

    def ping(self) -> None:
        """Give a sign of life if it is time for one; to be called as often as one likes.

        A message that the manager could not take when it was sent is sent once more.
        """
        if self._unsent:
            self._send_state(self._unsent)
        if self._pause and monotonic() >= self._next_ping:
            self._next_ping = monotonic() + self._pause
            self._send("WATCHDOG=1")

    def seconds_until_ping(self) -> float:
        """Say how many seconds from now at the latest `alive` has to be called."""
        if self._unsent:
            return 0.1
        return max(0.0, self._next_ping - monotonic()) if self._pause else inf

    def close(self) -> None:
        """Say nothing any more, as a child of the main process must not."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _send_state(self, change: str, status: str = "") -> None:
        """Send what the manager waits for."""
        message = f"{change}\n{_format_status(status)}" if status else change
        self._unsent = "" if self._send(message) else message

    def _send(self, message: str) -> bool:
        """Send a message; say whether nothing is left to be sent."""
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


def _format_status(text: str) -> str:
    return f"STATUS={one_line(text)}"
