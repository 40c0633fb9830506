"""All listening sockets of the daemon: passed by the service manager, or opened here."""

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
    """Open the sockets one by one, so that the caller can close them after an error.

    Args:
        addresses: the addresses to listen on.
        passed: the passed sockets; their addresses are not opened again.

    Yields:
        The listeners of the passed sockets, then of the other addresses.

    Raises:
        ListenError: an address, or a passed socket, can't be used.
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
    """Make a listener of a passed socket, whose file is not ours to remove.

    Args:
        passed: the socket.
        addresses: the configured addresses. The socket's protocol is that of its address, else
            the socket's name if that is a protocol, else jsonl.

    Raises:
        ListenError: other hosts can reach the socket, and its address is not configured.
    """
    found = _find_address(passed.socket)
    named = passed.name if passed.name in PROTOCOLS else ""
    for address in addresses:
        if _is_same(address, found):
            return Listener(address, passed.socket, remark=_describe_contradiction(address, named))
    protocol = named or PROTOCOLS[0]
    if found.host and not _parse_ip(found.host).is_loopback:
        raise ListenError(
            f"the service manager passes a socket at {found}, which other hosts can reach, and "
            f"which is not in listen: let the socket unit listen on 127.0.0.1:{found.port}, or add "
            f'"{protocol}+{found}" to listen and set allow_remote = true'
        )
    return Listener(replace(found, protocol=protocol), passed.socket)


def _find_address(server: socket.socket) -> Address:
    """Return a socket's address; an abstract unix socket's begins with `@`, as in socket units."""
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
    """Parse an IP address; an IPv4-mapped IPv6 address becomes the IPv4 address."""
    ip = ip_address(host)
    return (ip.ipv4_mapped or ip) if isinstance(ip, IPv6Address) else ip


def _describe_contradiction(address: Address, named: str) -> str:
    if not named or named == address.protocol:
        return ""
    return (
        f"the socket unit names the socket at {address} {named}, but its protocol in listen is "
        f"{address.protocol}, which is used; set both to the same one"
    )
