"""One list on disk: look whether it changed, and read it again if it did."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import NamedTuple, Protocol

from hookframe import Snapshot, take_snapshot
from hookframe_blacklist.compressed import unpack
from hookframe_blacklist.entries import read_list
from hookframe_blacklist.errors import BlacklistError, TooLarge
from hookframe_blacklist.limits import LARGEST

Fingerprint = tuple[bytes, int, int, str | None]
"""What `Snapshot.fingerprint` gives."""


class Entries(Protocol):
    """The entries of a list: a set of them, or a `Table`."""

    def __contains__(self, entry: str, /) -> bool:
        """Say whether an entry is on the list."""


class ListPath(NamedTuple):
    """Which file to read, and as what."""

    path: str
    """the absolute path"""
    senders: bool
    """whether it lists senders, rather than recipients"""
    skip: bool = False
    """whether lines that are no entries are left out"""


class ListFile(NamedTuple):
    """A list as it was last read."""

    seen: Snapshot
    """the file at that moment, without its content"""
    fingerprint: Fingerprint | None
    """of the file with its content, which tells whether a new stamp meant anything; None if it was
    not made"""
    entries: Entries
    """the entries, as `parse` or a `Table` gives them"""
    left_out: str = ""
    """what is wrong with the lines that were left out; empty where none was"""


def look(where: ListPath, known: ListFile | None, largest: int = LARGEST) -> ListFile | None:
    """Read a list, unless it is known and has not changed.

    Args:
        where: the file.
        known: the list as it was last read, or None.
        largest: the size in bytes, as it is stored or unpacked, above which it is not read.

    Returns:
        `known` itself after no more than a `stat` where that shows no change, else the list anew.
        None where somebody is writing it: what there is may be half a list.

    Raises:
        TooLarge: it is larger than that.
        BlacklistError: the file is missing, can't be read, is not a regular file, or has a line
            that is no entry.
    """
    if known is not None and known.seen.is_unchanged():
        return known
    refuse_larger(where.path, largest)
    snapshot = read_file(where.path)
    if not snapshot.settled:
        return None
    seen, fingerprint = replace(snapshot, content=b""), snapshot.fingerprint
    if known is not None and known.fingerprint == fingerprint:
        return known._replace(seen=seen)
    text = unpack(snapshot.content, where.path, largest)
    parsed = read_list(text, where.path, senders=where.senders, skip=where.skip)
    return ListFile(seen, fingerprint, *parsed)


def refuse_larger(path: str, largest: int) -> None:
    """Refuse a file that is too large to be read here, before it is read.

    Raises:
        TooLarge: it is.
    """
    try:
        size = os.stat(path).st_size  # noqa: PTH116  (faster than a Path)
    except (OSError, ValueError):
        return  # whoever reads it says why that can't be done
    if largest < size <= LARGEST:
        raise TooLarge(f"{path} has {size} bytes; at most {largest} are read here")


def read_file(path: str, into: int | None = None) -> Snapshot:
    """Read a list's file.

    Args:
        path: its name.
        into: a descriptor that the bytes are written to, rather than into the snapshot.

    Raises:
        BlacklistError: it can't be read; the text says what to do.
    """
    snapshot = take_snapshot(path, LARGEST, into)
    if snapshot.error is not None:
        raise BlacklistError(
            f"{snapshot.error}. A list that can't be read is not taken for an empty one: put a "
            "text file there with one entry a line, readable for the user that runs hookframe, "
            "or take it out of the settings"
        )
    return snapshot


def being_written(where: ListPath) -> str:
    """Say that a list can't be read for the first time as long as somebody is writing it."""
    return (
        f"somebody is writing {where.path}, or was a moment ago, and half a list is not taken for "
        "a whole one: wait until it is closed, or write a new file beside it and rename that over "
        "it"
    )
