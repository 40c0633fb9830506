"""A large list as memory that another process has filled: small, and nobody has to build it here.

The entries stand as text, grouped into buckets by a checksum, with a line break before and behind
each. In front of them stands where each bucket starts. Whether there is an entry is seen by a
search through one bucket: nothing but the entry itself is found.

There are two kinds. A rough table is made sooner: few buckets are all in the processor's caches,
and Adler-32 takes half as long as CRC-32. To search one takes some ten microseconds.
"""

from __future__ import annotations

from array import array
from itertools import accumulate
from typing import TYPE_CHECKING, Final, NamedTuple
from zlib import adler32, crc32

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from mmap import mmap

_BUCKET: Final = 1 << 9
"""Bytes of a bucket, about."""
_ROUGH_BUCKET: Final = 1 << 15
"""The same of a rough table."""
_LINES_TOGETHER: Final = 32
"""Lines of a bucket, about, that are collected before they become one text: of a rough table they
are all still in the processor's caches then, which makes it half as long."""
_POSITION: Final = "I"
"""The type of a bucket's position: four bytes, as no list is larger."""
_POSITION_SIZE: Final = 4


class Shape(NamedTuple):
    """What must be known of a table to look into it."""

    buckets: int
    """how many there are"""
    rough: bool
    """whether it is a rough one"""
    domains: bool
    """whether an entry may stand for a domain; where not, none does"""

    @property
    def checksum(self) -> Callable[[bytes], int]:
        """What, modulo the number of buckets, tells the bucket of a line."""
        return adler32 if self.rough else crc32


class Table:
    """The entries of a list; it answers `in` as a set of strings does.

    Args:
        memory: what `laid_out` gives.
        shape: of the table.
    """

    __slots__ = ("_buckets", "_checksum", "_domains", "_memory", "_starts")

    def __init__(self, memory: mmap, shape: Shape) -> None:
        self._memory = memory
        self._buckets = shape.buckets
        self._checksum = shape.checksum
        self._starts = memoryview(memory)[: index_size(shape.buckets)].cast(_POSITION)
        self._domains = shape.domains

    def __contains__(self, entry: str) -> bool:
        """Say whether an entry is on the list."""
        if not entry or "\n" in entry or (entry[0] == "@" and not self._domains):
            return False
        line = entry.encode("utf-8", "surrogatepass")
        starts = self._starts
        bucket = self._checksum(line) % self._buckets
        return self._memory.find(b"\n%b\n" % line, starts[bucket], starts[bucket + 1] + 1) >= 0

    def __iter__(self) -> Iterator[list[bytes]]:
        """Give the lines as they stand there, bucket by bucket; an empty one is no entry."""
        starts, memory = self._starts, self._memory
        for bucket in range(len(starts) - 1):
            yield memory[starts[bucket] + 1 : starts[bucket + 1]].split(b"\n")


class Both:
    """Two tables that each hold one half of a list.

    Args:
        first: the one half.
        second: the other.
    """

    __slots__ = ("_first", "_second")

    def __init__(self, first: Table, second: Table) -> None:
        self._first = first
        self._second = second

    def __contains__(self, entry: str) -> bool:
        """Say whether an entry is on the list."""
        return entry in self._first or entry in self._second


def shape_for(size: int, *, rough: bool = False, domains: bool = True) -> Shape:
    """Say of which shape the table of a list should be.

    Args:
        size: of the list, in bytes.
        rough: whether it is to be a rough one.
        domains: whether an entry may stand for a domain.
    """
    # Adler-32 is a sum: only an odd number makes all of it count.
    count = size // _ROUGH_BUCKET | 1 if rough else size // _BUCKET + 1
    return Shape(count, rough, domains)


def sort_into_buckets(pieces: Iterable[Collection[bytes]], shape: Shape) -> list[bytes]:
    """Sort lines by the bucket that they belong to.

    Args:
        pieces: entries in UTF-8, with surrogates as they are, some at a time.
        shape: of the table.

    Returns:
        The text of each bucket.
    """
    checksum, count = shape.checksum, shape.buckets
    texts: list[list[bytes]] = [[] for _ in range(count)]
    lines: list[list[bytes]] = [[] for _ in range(count)]
    waiting = 0
    for piece in pieces:
        for line in piece:
            lines[checksum(line) % count].append(line)
        waiting += len(piece)
        if waiting > count * _LINES_TOGETHER:
            _gather(lines, texts)
            waiting = 0
    _gather(lines, texts)
    return list(map(b"\n".join, texts))


def _gather(lines: list[list[bytes]], texts: list[list[bytes]]) -> None:
    """Add each bucket's lines to its texts, as one."""
    for bucket, text in zip(lines, texts, strict=True):
        if bucket:
            text.append(b"\n".join(bucket))
            bucket.clear()


def laid_out(buckets: list[bytes]) -> Iterator[bytes]:
    """Lay a table out, as `Table` reads it.

    Args:
        buckets: the text of each bucket.

    Yields:
        Pieces, to be written one behind another.
    """
    first = (len(buckets) + 1) * _POSITION_SIZE
    lengths = (len(bucket) + 1 for bucket in buckets)
    yield array(_POSITION, accumulate(lengths, initial=first)).tobytes()
    for bucket in buckets:
        yield b"\n"
        yield bucket
    yield b"\n"


def index_size(buckets: int) -> int:
    """Say how many bytes the positions of buckets take, which stand in front of a table."""
    return (buckets + 1) * _POSITION_SIZE
