"""What the system knows of a process: its end with its parent's, its name, its memory."""

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
    """Have this process killed as soon as its parent has died.

    A supervisor that was killed can't end its workers; left over, they would hold its sockets.

    Args:
        parent: the parent's process id, as it was before the fork.
    """
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
    """Send a signal to the first thread of a process, whatever others it has (tgkill(2)).

    Args:
        pid: the process; one that there is no more gets none.
        number: the signal.
    """
    ctypes.CDLL(None).tgkill(pid, pid, number)


def read_memory(pid: int) -> int:
    """Give the bytes of memory that a process has resident; 0 where there is none such."""
    try:
        opened = os.open(f"/proc/{pid}/statm", os.O_RDONLY | os.O_CLOEXEC)
        try:
            return int(os.read(opened, 256).split()[1]) * _PAGE
        finally:
            os.close(opened)
    except (OSError, IndexError, ValueError):
        return 0


def limit_memory_growth(more: int) -> None:
    """Let this process have no more data than it has, and so much more.

    What goes beyond it is a MemoryError in the hook that wants it (RLIMIT_DATA in getrlimit(2)).

    Args:
        more: bytes.
    """
    data = int(Path("/proc/self/statm").read_bytes().split()[5]) * _PAGE
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = data + more
    if hard == resource.RLIM_INFINITY or wanted <= hard:
        resource.setrlimit(resource.RLIMIT_DATA, (wanted, hard))
