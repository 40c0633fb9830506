"""A name server for two domains, on UDP port 53 of loopback; run as a program, never imported."""

from __future__ import annotations

import socket
import struct

ZONE = {"first.test": "127.0.0.11", "second.test": "127.0.0.12"}
A, MX = 1, 15
NO_SUCH_NAME = 3


def name_of(query: bytes) -> tuple[str, int]:
    """Read the question's name, and where it ends."""
    labels, at = [], 12
    while length := query[at]:
        labels.append(query[at + 1 : at + 1 + length].decode("ascii").lower())
        at += 1 + length
    return ".".join(labels), at + 1


def answer(query: bytes) -> bytes:
    name, end = name_of(query)
    (kind,) = struct.unpack_from("!H", query, end)
    question = query[12 : end + 4]
    host = name.removeprefix("mx.")
    data = b""
    if host in ZONE and kind == A and host != name:
        data = socket.inet_aton(ZONE[host])
    elif host in ZONE and kind == MX and host == name:
        data = struct.pack("!H", 10) + b"\x02mx\xc0\x0c"
    record = struct.pack("!HHHIH", 0xC00C, kind, 1, 60, len(data)) + data if data else b""
    flags = 0x8580 | (0 if host in ZONE else NO_SUCH_NAME)
    return query[:2] + struct.pack("!5H", flags, 1, bool(record), 0, 0) + question + record


with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
    server.bind(("127.0.0.1", 53))
    print("ready", flush=True)
    while True:
        query, client = server.recvfrom(4096)
        server.sendto(answer(query), client)
