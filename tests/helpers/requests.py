"""Requests of the daemon's protocols as bytes, and an answer as Exim reads it."""

from __future__ import annotations

import base64
import json
import re
from contextlib import suppress

from .attempts import attempt

LIMIT = 64 * 1024
"""The longest request in bytes (CONTRACT 8)."""


def line(value) -> bytes:
    """One request of the jsonl protocol."""
    return json.dumps(value).encode() + b"\n"


def padded(size: int, **more) -> bytes:
    """A jsonl request of exactly so many bytes, without the newline that ends it."""
    bare = len(line(attempt(padding="", **more))) - 1
    return line(attempt(padding="x" * (size - bare), **more))[:-1]


def fields(end=b"\n", **more) -> bytes:
    """The lines of an exim request, without the empty one that ends it."""
    values = attempt(is_first_attempt="1", mtaid_exists="1", **more)
    return b"".join(field(name, value, end) for name, value in values.items())


def field(name: str, value, end=b"\n") -> bytes:
    """One line of an exim request."""
    raw = value if isinstance(value, bytes) else str(value).encode("utf-8", "surrogateescape")
    return name.encode() + b"=" + base64.b64encode(raw) + end


def flood(client, data: bytes) -> None:
    """Send the same bytes again and again, until the daemon takes no more."""
    with suppress(BrokenPipeError, ConnectionResetError):
        while True:
            client.send(data)


def extracted(answer: bytes) -> dict[str, str]:
    """Take an answer apart as Exim does (string_dequote and expand_getkeyed in its expand.c).

    Pairs are `name=value`, with white space between them; a value that begins with a quote goes on
    to the next one, or to the end; in it a backslash gives the next character another meaning.
    """
    text, found, at = answer.decode(), {}, 0
    while match := re.compile(r"\s*([^=\s]+)\s*=\s*").match(text, at):
        at, value = match.end(), ""
        if text[at : at + 1] != '"':
            bare = re.compile(r"\S*").match(text, at)
            found[match[1]], at = bare[0], bare.end()
            continue
        at += 1
        while at < len(text) and text[at] != '"':
            if text[at] == "\\" and at + 1 < len(text):
                at += 1
                value += {"n": "\n", "r": "\r", "t": "\t"}.get(text[at], text[at])
            else:
                value += text[at]
            at += 1
        at += 1
        found.setdefault(match[1], value)
    return found
