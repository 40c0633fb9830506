"""A table as a file: the table, and behind it a line that says what it is of.

The line has the length of the table and a checksum of where its buckets start, so that a file that
is cut off or damaged is found out without reading it all.
"""

from __future__ import annotations

import os
from mmap import PROT_READ, mmap
from typing import Final
from zlib import crc32

from hookframe_blacklist.table import Shape, Table, index_size

_LINE: Final = 256
"""Bytes of the line."""


def write_table(file: int, memory: int, shape: Shape, title: str) -> None:
    """Write a table into a file.

    Args:
        file: the descriptor of the file.
        memory: a descriptor of the table.
        shape: of the table; it is not a rough one.
        title: what the table is of: up to 150 characters of ASCII, without a line break.

    Raises:
        OSError: the file can't be written.
    """
    size, done = os.fstat(memory).st_size, 0
    os.ftruncate(file, 0)
    while done < size:
        done += os.sendfile(file, memory, done, size - done)
    os.pwrite(file, _line(memory, size, shape, title), size)


def read_table(file: int, title: str) -> Table | None:
    """Map a table that `write_table` has written.

    Args:
        file: the descriptor of the file.
        title: what the table has to be of.

    Returns:
        The table; None if the file is not whole, or of something else.
    """
    size = os.fstat(file).st_size - _LINE
    if size <= 0:
        return None
    line = os.pread(file, _LINE, size)
    try:
        buckets, domains = map(int, line.split()[-3:-1])
    except ValueError:
        return None
    shape = Shape(buckets, rough=False, domains=bool(domains))
    if not 0 < index_size(buckets) < size or line != _line(file, size, shape, title):
        return None
    return Table(mmap(file, size, prot=PROT_READ), shape)


def _line(file: int, size: int, shape: Shape, title: str) -> bytes:
    text = f"\n{title} {size} {shape.buckets} {shape.domains:d} "
    starts = os.pread(file, index_size(shape.buckets), 0)
    return f"{text}{crc32(starts, crc32(text.encode()))}".encode().ljust(_LINE)
