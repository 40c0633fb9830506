"""A bundle: the settled files of a policy in sealed memory, from which every child loads it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

import msgspec

from hookframe.host import bundle as files

if TYPE_CHECKING:
    from hookframe.files.snapshot import Snapshot
    from hookframe.host.source import PolicyFiles, Source

_SEALS: Final = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_LENGTH: Final = 8
"""Bytes of the length of the index, at the beginning."""


class _Index(msgspec.Struct, frozen=True):
    """The digest of each file by path: the policy's own files, and files of code."""

    own: dict[bytes, str]
    code: dict[bytes, str]


def _digest(file: Snapshot) -> str:
    return blake2b(repr(file.fingerprint).encode(), digest_size=16).hexdigest()


class Bundle:
    """The files of a policy, in a descriptor that is inherited or sent.

    Its beginning is an index of the files, so that the supervisor reads no more than that.

    Args:
        descriptor: a sealed memory file (memfd_create(2)); this object closes it.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        length = int.from_bytes(os.pread(descriptor, _LENGTH, 0))
        self._begin = _LENGTH + length
        index = msgspec.msgpack.decode(os.pread(descriptor, length, _LENGTH), type=_Index)
        self.files: Mapping[bytes, str] = {**index.own, **index.code}
        """the digest of each file, by path; a missing file has one too"""
        self.code_files = tuple(index.code)
        """the paths of the files of code that plugins run"""

    @classmethod
    def of(cls, policy_files: PolicyFiles) -> Bundle:
        """Put files that were read into a new bundle."""
        code = {os.fsencode(file.path): _digest(file) for file in policy_files.code_files}
        own = {os.fsencode(file.path): _digest(file) for file in policy_files.files}
        own = {path: digest for path, digest in own.items() if path not in code}
        index = msgspec.msgpack.encode(_Index(own, code))
        descriptor = os.memfd_create("hookframe-policy", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC)
        with open(descriptor, "wb", closefd=False) as file:
            file.write(len(index).to_bytes(_LENGTH))
            file.write(index)
            file.write(files.encode(policy_files))
        fcntl.fcntl(descriptor, fcntl.F_ADD_SEALS, _SEALS)
        return cls(descriptor)

    def fileno(self) -> int:
        """Return its descriptor."""
        return self._descriptor

    def read(self, source: Source) -> PolicyFiles:
        """Return the files.

        Args:
            source: where they come from; it reads the configuration out of its file.
        """
        size = os.fstat(self._descriptor).st_size
        return files.decode(os.pread(self._descriptor, size - self._begin, self._begin), source)

    def agrees_with(self, other: Bundle) -> bool:
        """Return whether every file that is in both is the same in both."""
        return all(other.files.get(path, digest) == digest for path, digest in self.files.items())

    def __del__(self) -> None:
        os.close(self._descriptor)
