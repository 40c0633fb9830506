"""Addresses that the daemon listens on, each with its protocol (CONTRACT 8)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import Final

PROTOCOLS: Final = ("jsonl", "exim", "explain")
LONGEST_SOCKET_PATH: Final = 107
"""The longest path of a unix socket in bytes: `sun_path` holds 108 with its NUL (unix(7))."""
_EXAMPLES: Final = "unix:/run/hookframe/hookframe.sock or tcp:127.0.0.1:8025"
_LARGEST_PORT: Final = 65535
_HOST_AND_PORT: Final = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([0-9.]+)):([0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Address:
    """One address to listen on.

    Args:
        protocol: "jsonl", "exim" or "explain".
        path: the path of a unix socket; empty for TCP.
        host: the IP address, for TCP.
        port: the port, for TCP; 0 lets the system choose.
    """

    protocol: str
    path: str = ""
    host: str = ""
    port: int = 0

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"unix:{self.path}" if self.path else f"tcp:{host}:{self.port}"


def parse_address(text: str, *, allow_remote: bool = False) -> Address:
    """Parse one address of the configuration.

    Args:
        text: `[PROTOCOL+]unix:/PATH` or `[PROTOCOL+]tcp:IP:PORT`.
        allow_remote: whether an IP address that is not loopback is accepted.

    Raises:
        ValueError: the text is not an address; the error says what was expected.
    """
    protocol, plus, rest = text.partition("+")
    if not plus or ":" in protocol:
        protocol, rest = PROTOCOLS[0], text
    if protocol not in PROTOCOLS:
        raise ValueError(f"unknown protocol {protocol!r}; expected one of {', '.join(PROTOCOLS)}")
    kind, _, where = rest.partition(":")
    if kind == "unix":
        return _parse_unix(protocol, where)
    if kind == "tcp":
        return _parse_tcp(protocol, where, allow_remote)
    raise ValueError(f"{text!r} is not an address; expected, for example, {_EXAMPLES}")


def _parse_unix(protocol: str, path: str) -> Address:
    if not path.startswith("/"):
        raise ValueError(f"the path of a unix socket must be absolute, not {path!r}")
    if "\0" in path or len(path.encode("utf-8", "surrogateescape")) > LONGEST_SOCKET_PATH:
        raise ValueError(
            f"the path of a unix socket has at most {LONGEST_SOCKET_PATH} bytes and no NUL"
        )
    return Address(protocol, path=path)


def _parse_tcp(protocol: str, where: str, allow_remote: bool) -> Address:
    match = _HOST_AND_PORT.fullmatch(where)
    if match is None:
        raise ValueError(
            f"{where!r} is not an IP address and port; expected, for example, {_EXAMPLES}"
        )
    host, port = match[1] or match[2], match[3]
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        raise ValueError(
            f"{host!r} is not an IP address; expected, for example, {_EXAMPLES}"
        ) from None
    if int(port) > _LARGEST_PORT:
        raise ValueError(f"{port} is not a port; expected a number from 0 to {_LARGEST_PORT}")
    if not (ip.is_loopback or allow_remote):
        raise ValueError(
            f"{host} is not a loopback address; every host that can reach it could query the "
            "policy: listen on 127.0.0.1, or set allow_remote = true"
        )
    return Address(protocol, host=host, port=int(port))
