"""Blocking calls: stopped and reported while an attempt runs, as all mail would wait."""

from __future__ import annotations

import fcntl
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import get_ident
from types import FrameType
from typing import Any, Final

from hookframe._text import short_repr

_NETWORK: Final = {
    "socket.connect": "uses the network: connects to",
    "socket.getaddrinfo": "uses the network: looks up",
    "socket.gethostbyname": "uses the network: looks up",
    "socket.gethostbyaddr": "uses the network: looks up",
    "socket.getnameinfo": "uses the network: looks up",
    "socket.sendto": "uses the network: sends to",
    "socket.sendmsg": "uses the network: sends to",
}
_PROCESSES: Final = {
    "subprocess.Popen": "starts a process:",
    "os.system": "starts a process:",
    "os.posix_spawn": "starts a process:",
    "os.exec": "replaces the process by",
    "os.fork": "forks the process",
    "os.forkpty": "forks the process",
    "pty.spawn": "starts a process:",
}
_WAITS: Final = {
    "time.sleep": "sleeps",
    "fcntl.flock": "waits for a lock on a file",
    "fcntl.lockf": "waits for a lock on a file",
    "builtins.input": "waits for input",
}
_EVENTS: Final = {**_NETWORK, **_PROCESSES, **_WAITS}
_OF_A_SOCKET: Final = ("socket.connect", "socket.sendto", "socket.sendmsg")
"""events whose first argument is the socket"""
_NOT_SHOWN: Final = ("os.fork", "os.forkpty", "fcntl.flock", "fcntl.lockf", "builtins.input")


class Blocked(BaseException):
    """Ends a call that would block.

    It is not an `Exception`, so that a plugin that handles errors of the network can't hide it.
    """


class BlockingGuard:
    """Stops blocking calls by an audit hook.

    Make one in a process: an audit hook can't be removed.
    """

    def __init__(self) -> None:
        self._thread = 0
        """the thread of the running attempt; 0 while none runs"""
        self.what = ""
        """the blocking call of the last attempt, as text; empty if there was none"""
        self.stack: tuple[tuple[str, int], ...] = ()
        """its stack: files and lines, the innermost first"""
        _audit_sleep()
        sys.addaudithook(self._audit)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch this thread."""
        self.what, self.stack = "", ()
        self._thread = get_ident()
        try:
            yield
        finally:
            self._thread = 0

    def _audit(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._thread and event in _EVENTS and self._thread == get_ident():
            self._stop(event, arguments)

    def _stop(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event.startswith("fcntl.") and not _waits(arguments[1]):
            return
        if not self.what:
            self.what = _in_words(event, arguments)
            frame = sys._getframe(2)  # noqa: SLF001  (documented, and there is no other way)
            self.stack = tuple(_lines(frame))
        raise Blocked(self.what)


def _lines(frame: FrameType | None) -> Iterator[tuple[str, int]]:
    while frame is not None:
        yield frame.f_code.co_filename, frame.f_lineno
        frame = frame.f_back


def _waits(operation: int) -> bool:
    """Return whether a lock operation waits; releasing one does not."""
    return not operation & fcntl.LOCK_NB and not operation & fcntl.LOCK_UN


def _in_words(event: str, arguments: tuple[Any, ...]) -> str:
    text = _EVENTS[event]
    if event not in _NOT_SHOWN and arguments:
        subject = arguments[1 if event in _OF_A_SOCKET else 0]
        unit = " seconds" if event == "time.sleep" else ""
        text = f"{text} {short_repr(subject)}{unit}"
    return f"{text} ({event})"


def _audit_sleep() -> None:
    """Make `time.sleep` raise an audit event before Python 3.13, for plugins imported later."""
    if sys.version_info >= (3, 13):
        return
    original: Callable[..., None] = time.sleep

    def sleep(seconds: float, /) -> None:
        sys.audit("time.sleep", seconds)
        original(seconds)

    time.sleep = sleep  # type: ignore[assignment]
