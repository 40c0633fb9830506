"""A client that requests the status of a running daemon, on its jsonl socket."""

from __future__ import annotations

import json
import socket
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

import msgspec

from hookframe._text import one_line
from hookframe.api.errors import HookframeError
from hookframe.config.address import PROTOCOLS
from hookframe.daemon.protocols.jsonl import STATUS_REQUEST
from hookframe.daemon.status import Document

if TYPE_CHECKING:
    from hookframe.config.address import Address

PATIENCE: Final = 5.0
"""Seconds to wait for the answer, which comes between two attempts."""
_MOST_AGAIN: Final = 3
"""How often to ask again when a connection ends: the daemon closes some when its policy changes."""
_LONGEST_ANSWER: Final = 64 << 20
_SHOWN: Final = 120


class NoStatus(HookframeError):
    """The daemon sent no status; the text says why, and what to do."""


def can_be_asked(address: Address) -> bool:
    """Return whether a status can be requested at a configured address."""
    return address.protocol == PROTOCOLS[0] and bool(address.path or address.port)


def ask(address: Address) -> dict[str, Any]:
    """Request the status of the daemon at an address.

    Args:
        address: an address of its jsonl protocol.

    Returns:
        Its answer, not yet validated.

    Raises:
        NoStatus: there is none.
    """
    line = exchange(address, json.dumps(STATUS_REQUEST).encode() + b"\n")
    try:
        answer = json.loads(line)
    except (ValueError, RecursionError):
        answer = None
    if not isinstance(answer, dict) or not isinstance(answer.get("hookframe"), str):
        start = one_line(line[:_SHOWN].decode("utf-8", "replace").rstrip())
        raise NoStatus(
            f"the answer from {address} is not a status; is it a hookframe daemon of this version, "
            f"and does it speak jsonl there? The answer begins: {start}"
        )
    return answer


def validate(answer: dict[str, Any], address: Address) -> Document:
    """Check that an answer is a status of this version.

    Raises:
        NoStatus: it is not.
    """
    try:
        return msgspec.convert(answer, Document)
    except msgspec.ValidationError as error:
        version = one_line(answer["hookframe"])
        raise NoStatus(
            f"the daemon at {address} is hookframe {version}, whose status has another form: "
            f"{one_line(str(error))}; --json prints it as it is"
        ) from None


def exchange(address: Address, request: bytes) -> bytes:
    """Send one line, and return the line that a daemon answers.

    Args:
        address: the daemon's address.
        request: the line, with its line feed.

    Raises:
        NoStatus: there is no answer; the text says why, and what to do.
    """
    try:
        return _ask_until_answered(address, request)
    except OSError as error:
        raise NoStatus(_explain(error, address)) from None


def _find_family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _ask_until_answered(address: Address, request: bytes) -> bytes:
    """Send the request, and read one line; again if a connection ends before the answer.

    Raises:
        OSError: the system refused, or the time is up.
        NoStatus: the answer is not a line, or there is none.
    """
    family = socket.AF_UNIX if address.path else _find_family(address.host)
    until = monotonic() + PATIENCE
    for _ in range(1 + _MOST_AGAIN):
        with socket.socket(family, socket.SOCK_STREAM) as connection:
            line = _exchange(connection, address, request, until)
        if line:
            return line
    raise NoStatus(
        f"the daemon at {address} closed the connection without an answer: it is stopping, "
        "or has as many clients as limits.connections allows; see its log"
    )


def _exchange(connection: socket.socket, address: Address, request: bytes, until: float) -> bytes:
    """Send the request, and read one line.

    Args:
        connection: a new socket.
        address: where to connect.
        request: the line to send.
        until: when to give up, by the monotonic clock.

    Returns:
        The line; empty if the connection ended before the line feed.

    Raises:
        OSError: the system refused, or the time is up.
        NoStatus: the answer is not a line.
    """
    connection.settimeout(max(0.001, until - monotonic()))
    connection.connect(address.path or (address.host, address.port))
    received = bytearray()
    try:
        connection.sendall(request)
        while not received.endswith(b"\n"):
            connection.settimeout(max(0.001, until - monotonic()))
            data = connection.recv(1 << 16)
            if not data:
                return b""
            received += data
            if len(received) > _LONGEST_ANSWER:
                raise NoStatus(
                    f"the answer from {address} does not end: it is not a hookframe daemon"
                )
    except (BrokenPipeError, ConnectionResetError):
        return b""
    return bytes(received)


def _explain(error: OSError, address: Address) -> str:
    """Explain why the request failed, and what to do."""
    reason = error.strerror or str(error)
    if isinstance(error, TimeoutError):
        return (
            f"the daemon at {address} has not answered within {PATIENCE:g} s: a hook may run "
            "that long, or its process is stopped; see its log; or the address has another "
            "protocol (the status needs jsonl)"
        )
    if isinstance(error, PermissionError):
        return (
            f"permission denied at {address}: {reason}; join the group of the socket, or run this "
            "as root"
        )
    return (
        f"no daemon answers at {address}: {reason}; start it with hookframe serve, or give "
        "--address if it listens elsewhere"
    )
