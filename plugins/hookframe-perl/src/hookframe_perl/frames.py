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

    Its fields are "call", the keys, those of them whose value is None, and a value for each key.
    The keys are the same from attempt to attempt, so either side keeps what it has made of them.
    Flags become `1` and `0`, numbers their decimal string, lists and tables their JSON; a key
    whose value is None is there, and undefined.
    """
    pack, parts = SIZE.pack, [b""]
    undefined: list[str] = []
    for key, value in attempt.items():
        if type(value) is str:
            raw = _bytes(value)
        elif value is None:
            undefined.append(key)
            raw = b""
        else:
            raw = _bytes(_plain(value))
        parts += (pack(len(raw)), raw)
    parts[0] = _beginning(tuple(attempt), tuple(undefined))
    body = b"".join(parts)
    return pack(len(body)) + body


def fields_of(body: bytes) -> tuple[bytes, ...]:
    """Take the body of a frame apart.

    Raises:
        ValueError: it is not made of whole fields.
    """
    return _known_fields(body) if len(body) <= _SHORT else _fields(body)


def decision_of(answer: tuple[bytes, ...]) -> dict[str, str]:
    """Make a mapping of an answer's fields: behind the first, keys and values alternate."""
    if len(answer) <= _FEW and sum(map(len, answer)) <= _SHORT:
        return _known_decision(answer).copy()
    return _decision(answer)


def text_of(field: bytes) -> str:
    """Make words of Perl's readable."""
    return field.decode("utf-8", "backslashreplace")


def _field(raw: bytes) -> bytes:
    return SIZE.pack(len(raw)) + raw


_SHORT: Final = 256
"""Answers of no more bytes are kept: a hook has few that differ."""
_FEW: Final = 9
"""More fields no valid decision has."""


def _fields(body: bytes) -> tuple[bytes, ...]:
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
    return tuple(fields)


def _decision(answer: tuple[bytes, ...]) -> dict[str, str]:
    strings = [field.decode("utf-8", "surrogateescape") for field in answer]
    return dict(zip(strings[1::2], strings[2::2], strict=True))


_known_fields = lru_cache(maxsize=256)(_fields)
_known_decision = lru_cache(maxsize=256)(_decision)


@lru_cache(maxsize=64)
def _beginning(keys: tuple[str, ...], undefined: tuple[str, ...]) -> bytes:
    """Make all fields of a call but the values."""
    names = (b"".join(_field(_bytes(key)) for key in each) for each in (keys, undefined))
    return b"".join(map(_field, (b"call", *names)))


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
