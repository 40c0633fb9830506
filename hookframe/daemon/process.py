"""A process's name, memory, signals, and its end with its parent."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from pathlib import Path
from typing import Final

_SET_PDEATHSIG: Final = 1
_SET_NAME: Final = 15
"""prctl(2)"""
_PAGE: Final = resource.getpagesize()


def die_with_parent(parent: int) -> None:
    """Kill this process when its parent dies.

    Args:
        parent: the parent's process id before the fork.
    """
    # Workers that outlive a killed supervisor would hold its sockets.
    _prctl(_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the call
        os._exit(1)


def name_process(name: str) -> None:
    """Set the name under which `ps` and `top` show this process, 15 bytes at most."""
    _prctl(_SET_NAME, ctypes.c_char_p(name.encode()))


def _prctl(option: int, argument: object) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, argument, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def signal_main_thread(pid: int, number: int) -> None:
    """Send a signal to the main thread of a process (tgkill(2)).

    Args:
        pid: the process; may have exited.
        number: the signal.
    """
    ctypes.CDLL(None).tgkill(pid, pid, number)


def read_memory(pid: int) -> int:
    """Return a process's resident memory in bytes; 0 if it has exited."""
    try:
        opened = os.open(f"/proc/{pid}/statm", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return int(os.read(opened, 256).split()[1]) * _PAGE
        finally:
            os.close(opened)
    except (OSError, IndexError, ValueError):
        return 0


def limit_memory_growth(more: int) -> None:
    """Limit the growth of this process's data; beyond it, a hook gets a MemoryError.

    Args:
        more: the bytes that it may grow (RLIMIT_DATA in getrlimit(2)).
    """
    data = int(Path("/proc/self/statm").read_bytes().split()[5]) * _PAGE
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = data + more
    if hard == resource.RLIM_INFINITY or wanted <= hard:
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
