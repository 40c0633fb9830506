"""A policy's files as bytes, for another process that loads them without the disk."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

import msgspec

from hookframe.files.snapshot import Snapshot, Writers

if TYPE_CHECKING:
    from hookframe.host.source import PolicyFiles, Source

_FIELDS: Final = tuple(field.name for field in fields(Snapshot) if field.init)


def encode(policy_files: PolicyFiles) -> bytes:
    """Encode the files of a policy; a program's own configuration and objects are not included."""
    own = () if policy_files.config_file is None else (policy_files.config_file,)
    files = (own, policy_files.hook_files, policy_files.code_files)
    return msgspec.msgpack.encode([list(map(_encode_file, each)) for each in files])


def decode(data: bytes | memoryview, source: Source) -> PolicyFiles:
    """Decode the files of a policy.

    Args:
        data: what `encode` has returned.
        source: the source that they were read from. It is not read again, but reads the
            configuration from the encoded file, or has it itself.

    Returns:
        The files, equal to those that were encoded.
    """
    own, hook_files, code_files = msgspec.msgpack.decode(data)
    config_file = next(map(_decode_file, own), None)
    return source.assemble(
        config_file, map(_decode_file, hook_files), map(_decode_file, code_files)
    )


def _encode_file(file: Snapshot) -> list[Any]:
    # Paths and error texts may have bytes that are no UTF-8.
    values = [getattr(file, name) for name in _FIELDS]
    values = [os.fsencode(value) if isinstance(value, str) else value for value in values]
    return [value.value if isinstance(value, Writers) else value for value in values]


def _decode_file(values: list[Any]) -> Snapshot:
    named = dict(zip(_FIELDS, values, strict=True))
    error, stamp = named["error"], named["stamp"]
    named |= {
        "path": os.fsdecode(named["path"]),
        "error": None if error is None else os.fsdecode(error),
        "writers": Writers(named["writers"]),
        "stamp": None if stamp is None else tuple(stamp),
        "distrust": os.fsdecode(named["distrust"]),
    }
    return Snapshot(**named)
