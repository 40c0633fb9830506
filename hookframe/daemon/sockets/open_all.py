"""All sockets of the daemon: those that the service manager passes, and those that it opens."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Sequence
from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

from hookframe.config.address import PROTOCOLS, Address
from hookframe.daemon.sockets.listener import Listener, ListenError, listen

if TYPE_CHECKING:
    from hookframe.daemon.sockets.activation import PassedSocket


def open_all(
    addresses: Sequence[Address], passed: Sequence[PassedSocket] = ()
) -> Iterator[Listener]:
    """Listen, one socket after the other, so that the caller can close those it has.

    Args:
        addresses: where.
        passed: sockets that listen already. Each serves, and the address that is its own is not
            opened once more.

    Raises:
        ListenError: an address can't be had, or a passed socket must not be served.
    """
    adopted = set()
    for each in passed:
        listener = adopt(each, addresses)
        adopted.add(listener.address)
        yield listener
    for address in addresses:
        if address not in adopted:
            yield listen(address)


def adopt(passed: PassedSocket, addresses: Sequence[Address]) -> Listener:
    """Take a socket that listens already; its file is not ours to remove.

    Args:
        passed: the socket.
        addresses: where the daemon is to listen. The one that is the socket's own says which
            protocol is spoken; else the socket's name does if it is a protocol; else it is jsonl.

    Raises:
        ListenError: others can reach it, and no address says that they may.
    """
    found = _find_address(passed.socket)
    named = passed.name if passed.name in PROTOCOLS else ""
    for address in addresses:
        if _is_same(address, found):
            return Listener(address, passed.socket, remark=_describe_contradiction(address, named))
    protocol = named or PROTOCOLS[0]
    if found.host and not _parse_ip(found.host).is_loopback:
        raise ListenError(
            f"the service manager passes a socket at {found}, which others can reach and listen "
            f"does not name: let the socket unit listen on 127.0.0.1:{found.port}, or write "
            f'"{protocol}+{found}" into listen and set allow_remote = true'
        )
    return Listener(replace(found, protocol=protocol), passed.socket)


def _find_address(server: socket.socket) -> Address:
    """Say where a socket listens; an abstract unix socket has an `@` first, as in socket units."""
    name = server.getsockname()
    if server.family == socket.AF_UNIX:
        return Address("", os.fsdecode(name).replace("\0", "@", 1))
    return Address("", host=name[0].partition("%")[0], port=name[1])


def _is_same(address: Address, found: Address) -> bool:
    if address.path:
        real = os.path.realpath(address.path)  # /var/run is a link to /run
        return found.path.startswith("/") and real == os.path.realpath(found.path)
    return bool(found.host) and (_parse_ip(address.host), address.port) == (
        _parse_ip(found.host),
        found.port,
    )


def _parse_ip(host: str) -> IPv4Address | IPv6Address:
    """Read an IP address; one of IPv4 within IPv6 is the former."""
    ip = ip_address(host)
    return (ip.ipv4_mapped or ip) if isinstance(ip, IPv6Address) else ip


def _describe_contradiction(address: Address, named: str) -> str:
    if not named or named == address.protocol:
        return ""
    return (
        f"the socket unit calls the socket at {address} {named}, listen says {address.protocol}: "
        f"{address.protocol} is spoken there; let both say the same"
    )
