"""What crosses the pipes between Python and Perl: frames of fields, each a string of bytes.

A frame is a length in four bytes, big-endian, and so many bytes of fields; a field is a length and
its bytes likewise. Perl packs and unpacks both with `N/a*`. Strings cross as the bytes they are.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from struct import Struct, error
from typing import Any, Final

SIZE: Final = Struct(">I")
LONGEST: Final = 1 << 24
"""No frame of ours or of the Perl process is as long: what claims to be is none."""


def frame(fields: Iterable[bytes]) -> bytes:
    """Make a frame of fields."""
    body = b"".join(map(_field, fields))
    return SIZE.pack(len(body)) + body


def call(attempt: Mapping[str, Any]) -> bytes:
    """Make the request to call the hook for an attempt.

    Flags become `1` and `0`, numbers their decimal string, lists and tables their JSON; a key
    whose value is None is there, and undefined.
    """
    pack, parts = SIZE.pack, list[bytes]()
    undefined: list[bytes] = []
    for key, value in attempt.items():
        if value is None:
            undefined.append(_key(key))
            continue
        raw = _bytes(value) if type(value) is str else _bytes(_plain(value))
        parts += (_key(key), pack(len(raw)), raw)
    body = b"".join((_CALL, _field(b"".join(undefined)), *parts))
    return pack(len(body)) + body


def fields_of(body: bytes) -> list[bytes]:
    """Take the body of a frame apart.

    Raises:
        ValueError: it is not made of whole fields.
    """
    fields, at = [], 0
    try:
        while at < len(body):
            (length,) = SIZE.unpack_from(body, at)
            at += 4 + length
            fields.append(body[at - length : at])
    except error:
        at = -1
    if at != len(body):
        raise ValueError("not a frame")
    return fields


def decision_of(fields: list[bytes]) -> dict[str, str]:
    """Make a mapping of alternating keys and values."""
    strings = [field.decode("utf-8", "surrogateescape") for field in fields]
    return dict(zip(strings[::2], strings[1::2], strict=True))


def text_of(field: bytes) -> str:
    """Make words of Perl's readable."""
    return field.decode("utf-8", "backslashreplace")


def _field(raw: bytes) -> bytes:
    return SIZE.pack(len(raw)) + raw


_CALL: Final = _field(b"call")


@lru_cache(maxsize=256)
def _key(key: str) -> bytes:
    return _field(_bytes(key))


def _bytes(text: str) -> bytes:
    """Give a string back as the bytes it has been read from."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can spell
        return text.encode("utf-8", "surrogatepass")


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    if isinstance(value, int | float | str):
        return str(value)
    return json.dumps(value, default=_unfrozen)


def _unfrozen(value: Any) -> Any:
    """Give json what stands behind a read-only mapping or sequence."""
    return dict(value) if isinstance(value, Mapping) else list(value)
