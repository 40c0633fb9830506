"""Calls for which all mail would wait: forbidden while an attempt runs, and told."""

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
    "builtins.input": "waits for somebody to type",
}
_EVENTS: Final = {**_NETWORK, **_PROCESSES, **_WAITS}
_OF_A_SOCKET: Final = ("socket.connect", "socket.sendto", "socket.sendmsg")
"""events whose first argument is the socket"""
_NOT_SHOWN: Final = ("os.fork", "os.forkpty", "fcntl.flock", "fcntl.lockf", "builtins.input")


class Blocked(BaseException):
    """Ends a call that would block: what it wanted is not done.

    It is no `Exception`, so that a plugin which is prepared for errors of the network shows its
    fault all the same.
    """


class BlockingGuard:
    """Stands at the interpreter's audit events, and lets nothing through that may block.

    There can be one in a process, and for as long as it lives: an audit hook can't be removed.
    """

    def __init__(self) -> None:
        self._thread = 0
        """the thread in which an attempt runs; 0 while none does"""
        self.what = ""
        """what the last attempt wanted; empty where it wanted nothing"""
        self.stack: tuple[tuple[str, int], ...] = ()
        """where it did: files and lines, the innermost first"""
        _let_sleep_be_audited()
        sys.addaudithook(self._hear)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Watch this thread."""
        self.what, self.stack = "", ()
        self._thread = get_ident()
        try:
            yield
        finally:
            self._thread = 0

    def _hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self._thread and event in _EVENTS and self._thread == get_ident():
            self._judge(event, arguments)

    def _judge(self, event: str, arguments: tuple[Any, ...]) -> None:
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
    """Say whether a request for a lock waits for it; to give one back never does."""
    return not operation & fcntl.LOCK_NB and not operation & fcntl.LOCK_UN


def _in_words(event: str, arguments: tuple[Any, ...]) -> str:
    text = _EVENTS[event]
    if event not in _NOT_SHOWN and arguments:
        subject = arguments[1 if event in _OF_A_SOCKET else 0]
        unit = " seconds" if event == "time.sleep" else ""
        text = f"{text} {short_repr(subject)}{unit}"
    return f"{text} ({event})"


def _let_sleep_be_audited() -> None:
    """Have `time.sleep` raise its audit event, as it does by itself from Python 3.13 on.

    A plugin that is imported later gets this one, however it names it.
    """
    if sys.version_info >= (3, 13):
        return
    original: Callable[..., None] = time.sleep

    def sleep(seconds: float, /) -> None:
        sys.audit("time.sleep", seconds)
        original(seconds)

    time.sleep = sleep  # type: ignore[assignment]
