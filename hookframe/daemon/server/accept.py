"""Accept connections as plain file descriptors."""

from __future__ import annotations

import ctypes
import os
from socket import SOCK_CLOEXEC, SOCK_NONBLOCK
from typing import Final

_FLAGS: Final = SOCK_NONBLOCK | SOCK_CLOEXEC
_accept4: Final = ctypes.CDLL(None, use_errno=True).accept4
_accept4.argtypes = (ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int)


def accept(listener: int) -> int:
    """Accept the next connection.

    Args:
        listener: the descriptor of a listening socket that does not block.

    Returns:
        The connection's descriptor, which does not block and is not inherited.

    Raises:
        BlockingIOError: none waits.
        OSError: see accept(2).
    """
    # `socket.accept` also asks for the address and makes an object, which costs a client with one
    # request more than its answer.
    number = int(_accept4(listener, None, None, _FLAGS))
    if number < 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error))
    return number
