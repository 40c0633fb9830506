"""Connections as the system hands them out: a descriptor each, and nothing around it."""

from __future__ import annotations

import ctypes
import os
from socket import SOCK_CLOEXEC, SOCK_NONBLOCK
from typing import Final

_FLAGS: Final = SOCK_NONBLOCK | SOCK_CLOEXEC
_accept4: Final = ctypes.CDLL(None, use_errno=True).accept4
_accept4.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)


def accept(listener: int) -> int:
    """Take the next connection that waits; it does not block, and no program inherits it.

    `socket.accept` would ask the system for the address too and make an object around it, for
    which a client that asks once would pay more than for its request.

    Args:
        listener: the descriptor of a listening socket that does not block.

    Returns:
        The connection's descriptor.

    Raises:
        BlockingIOError: none waits.
        OSError: see accept(2).
    """
    number = int(_accept4(listener, None, None, _FLAGS))
    if number < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return number
