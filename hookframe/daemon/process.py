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


def describe_exit(status: int) -> str:
    """Describe how a process ended.

    Args:
        status: as os.waitstatus_to_exitcode returns it.
    """
    if status >= 0:
        return f"it exited with status {status}"
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"signal {-status}"
    return f"it was killed by {name}"


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
        return _read_statm(pid)[1]
    except (OSError, IndexError):
        return 0


def _read_statm(pid: int) -> list[int]:
    """Return the sizes in proc_pid_statm(5), in bytes."""
    return [int(pages) * _PAGE for pages in Path(f"/proc/{pid}/statm").read_bytes().split()]


def limit_memory_growth(more: int) -> None:
    """Limit the growth of this process's data; beyond it, a hook gets a MemoryError.

    Args:
        more: the bytes that it may grow (RLIMIT_DATA in getrlimit(2)).
    """
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = _read_statm(os.getpid())[5] + more
    if hard == resource.RLIM_INFINITY or wanted <= hard:
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
