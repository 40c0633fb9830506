"""The attempt: the nine keys that every hook gets, their check, and their JSON form."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NoReturn, TypedDict, get_type_hints

import msgspec

from hookframe._text import short_repr
from hookframe.api.errors import InvalidAttempt
from hookframe.api.readonly import ATOMS, ReadOnlyDict, freeze


class Attempt(TypedDict):
    """One remote delivery attempt that is about to be made. More keys may follow."""

    mtaid: str
    """VirtualMTA of the message (or the routing rule's own name, where one is used)"""
    sendid: str
    """SendID of the message"""
    listid: str
    """ListID of the message"""
    msguid: str
    """unique identifier of the message"""
    injtime: int
    """UNIX seconds at which the message was injected"""
    sender: str
    """envelope sender (Return-Path); empty for a bounce"""
    recipient: str
    """envelope recipient"""
    is_first_attempt: bool
    """usually true on the first attempt only"""
    mtaid_exists: bool
    """whether the VirtualMTA that `mtaid` names was found"""


ATTEMPT_TYPES: Final[Mapping[str, type]] = MappingProxyType(get_type_hints(Attempt))
"""The type of each of the nine keys, in the order of their declaration."""
BOOLEANS: Final[Mapping[str, bool]] = {"true": True, "1": True, "false": False, "0": False}
"""The texts of booleans where an attempt comes as text."""
_KEY_COUNT: Final = len(ATTEMPT_TYPES)
_TYPE_NAMES: Final = {str: "a string", int: "a whole number of seconds", bool: "true or false"}


def read_only_attempt(given: Mapping[str, Any]) -> Attempt:
    """Check an attempt and make the read-only mapping that every hook of the chain gets.

    Args:
        given: the nine keys; booleans may be `1` or `0`. Further keys are kept as they are.

    Returns:
        A read-only copy, which a later change of `given` does not affect.

    Raises:
        InvalidAttempt: a key is missing or its value has a wrong type; the text has the key.
    """
    attempt = given.copy() if type(given) is dict else _as_dict(given)
    try:
        for key, kind in ATTEMPT_TYPES.items():
            if type(attempt[key]) is not kind:
                attempt[key] = _convert(key, kind, attempt[key])
    except KeyError as error:
        key = error.args[0]
        raise InvalidAttempt(f"{key} is missing; all nine keys are required", key) from None
    if len(attempt) != _KEY_COUNT:
        _freeze_extra_keys(attempt)
    return ReadOnlyDict(attempt)  # type: ignore[return-value]


def _as_dict(given: object) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise InvalidAttempt(f"an attempt is an object with nine keys, not {short_repr(given)}")
    return dict(given)


def _freeze_extra_keys(attempt: dict[str, Any]) -> None:
    """Make the values of further keys read-only, as deep as they are nested."""
    for key, value in attempt.items():
        if type(value) not in ATOMS:
            try:
                attempt[key] = freeze(value)
            except RecursionError:
                raise InvalidAttempt(f"{short_repr(key)} is nested too deeply", key) from None


def _convert(key: str, kind: type, value: Any) -> Any:
    """Convert a value to its declared type if it means the same, as 1 means true."""
    if kind is str and isinstance(value, str):
        return str.__str__(value)
    if kind is bool and isinstance(value, (int, float)) and value in (0, 1):
        return bool(value)
    if kind is int and type(value) in (int, float) and value == value // 1:
        return int(value)
    raise InvalidAttempt(f"{key} must be {_TYPE_NAMES[kind]}, not {short_repr(value)}", key)


def encode_line(value: Any) -> bytes:
    """Encode a value as one line of JSON; bytes that are not UTF-8 become escapes."""
    try:
        return msgspec.json.encode(value) + b"\n"
    except UnicodeEncodeError:
        return json.dumps(value).encode("ascii") + b"\n"


def parse_attempt(line: bytes) -> Any:
    """Parse one JSON value from a request.

    Bytes that are not valid UTF-8 become surrogate escapes (PEP 383), so that hooks get every byte
    of an address in an older character set.

    Args:
        line: JSON text, with or without white space around it.

    Returns:
        The value, unchecked: see `read_only_attempt`.

    Raises:
        InvalidAttempt: the line is not JSON, or nested too deeply.
    """
    try:
        return msgspec.json.decode(line)
    except (ValueError, RecursionError) as error:
        first_error = error
    try:
        return json.loads(line.decode("utf-8", "surrogateescape"), parse_constant=_reject_constant)
    except (ValueError, RecursionError):
        raise InvalidAttempt(f"the request is not JSON: {first_error}") from None


def _reject_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
