"""Asks a running daemon for its status, over the socket on which it is asked about attempts."""

from __future__ import annotations

import json
import socket
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import msgspec

from hookframe._text import one_line
from hookframe.api.errors import HookframeError
from hookframe.daemon.protocols.jsonl import STATUS_REQUEST
from hookframe.daemon.status import Document

if TYPE_CHECKING:
    from hookframe.config.address import Address

PATIENCE: Final = 5.0
"""Seconds that a daemon may take; it answers between two attempts."""
_LONGEST_ANSWER: Final = 64 << 20
_SHOWN: Final = 120


class NoStatus(HookframeError):
    """The daemon has not said how it is; the text says why, and what to do."""


def ask(address: Address) -> dict[str, Any]:
    """Ask the daemon that listens on an address.

    Args:
        address: one on which it speaks jsonl.

    Returns:
        Its answer, as it came.

    Raises:
        NoStatus: there is none.
    """
    family = socket.AF_UNIX if address.path else _find_family(address.host)
    with socket.socket(family, socket.SOCK_STREAM) as connection:
        try:
            line = _exchange(connection, address)
        except OSError as error:
            raise NoStatus(_explain(error, address)) from None
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict) or not isinstance(answer.get("hookframe"), str):
        start = one_line(line[:_SHOWN].decode("utf-8", "replace").rstrip())
        raise NoStatus(
            f"what listens at {address} has answered, but not with a status; is it a hookframe "
            f"of this version, and does it speak jsonl there? The answer begins: {start}"
        )
    return answer


def validate(answer: dict[str, Any], address: Address) -> Document:
    """Check that an answer is a status as this version knows it.

    Raises:
        NoStatus: it is not.
    """
    try:
        return msgspec.convert(answer, Document)
    except msgspec.ValidationError as error:
        version = one_line(answer["hookframe"])
        raise NoStatus(
            f"the daemon at {address} is hookframe {version}, whose status is another one: "
            f"{one_line(str(error))}; --json prints what it says"
        ) from None


def _find_family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _exchange(connection: socket.socket, address: Address) -> bytes:
    """Send the request, and read one line.

    Raises:
        OSError: the system, or the time, does not allow it.
        NoStatus: the answer has no end.
    """
    until = monotonic() + PATIENCE
    connection.settimeout(PATIENCE)
    connection.connect(address.path or (address.host, address.port))
    connection.sendall(json.dumps(STATUS_REQUEST).encode() + b"\n")
    received = bytearray()
    while not received.endswith(b"\n"):
        connection.settimeout(max(0.001, until - monotonic()))
        data = connection.recv(1 << 16)
        if not data:
            raise NoStatus(
                f"the daemon at {address} has closed the connection without an answer: it ends, "
                "or has as many clients as limits.connections allows; its log says more"
            )
        received += data
        if len(received) > _LONGEST_ANSWER:
            raise NoStatus(f"what answers at {address} does not stop: it is no hookframe daemon")
    return bytes(received)


def _explain(error: OSError, address: Address) -> str:
    """Say why a daemon could not be asked, and what to do."""
    reason = error.strerror or str(error)
    if isinstance(error, TimeoutError):
        return (
            f"the daemon at {address} has not answered within {PATIENCE:g} s: it answers between "
            "two attempts, so a hook runs that long, or its process is stopped; its log says more"
        )
    if isinstance(error, PermissionError):
        return (
            f"the daemon at {address} may not be asked by this user: {reason}; become a member "
            "of the group that the socket belongs to, or root"
        )
    return f"no daemon answers at {address}: {reason}; start it with hookframe serve"
