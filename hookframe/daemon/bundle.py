"""A bundle: the settled files of a policy in sealed memory, from which every child loads it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

import msgspec

from hookframe.host import bundle as files

if TYPE_CHECKING:
    from hookframe.host.source import PolicyFiles, Source

_SEALS: Final = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_LENGTH: Final = 8
"""Bytes of the length of the index, at the beginning."""


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
        self.files: Mapping[str, str] = msgspec.msgpack.decode(
            os.pread(descriptor, length, _LENGTH), type=dict[str, str]
        )
        """the digest of each file, by path; a missing file has one too"""

    @classmethod
    def of(cls, policy_files: PolicyFiles) -> Bundle:
        """Put files that were read into a new bundle."""
        index = msgspec.msgpack.encode(
            {file.path: files.digest_of(file) for file in policy_files.files}
        )
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
