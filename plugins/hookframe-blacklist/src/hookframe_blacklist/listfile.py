"""One list on disk: look whether it changed, and read it again if it did."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

from hookframe import Snapshot, take_snapshot
from hookframe_blacklist.entries import parse
from hookframe_blacklist.errors import BlacklistError

if TYPE_CHECKING:
    from collections.abc import Set

LARGEST: Final = 1 << 30
"""The largest list that is read, in bytes: some thirty million addresses."""


class ListPath(NamedTuple):
    """Which file to read, and as what."""

    path: str
    """the absolute path"""
    senders: bool
    """whether it lists senders, rather than recipients"""


@dataclass(frozen=True, slots=True)
class ListFile:
    """A list as it was last read.

    Args:
        seen: the file at that moment, without its content.
        fingerprint: of the file with its content, which tells whether a new stamp meant anything.
        entries: the entries, as `parse` gives them.
    """

    seen: Snapshot
    fingerprint: tuple[object, ...]
    entries: Set[str]


def look(where: ListPath, known: ListFile | None) -> ListFile | None:
    """Read a list, unless it is known and has not changed.

    Args:
        where: the file.
        known: the list as it was last read, or None.

    Returns:
        `known` itself after no more than a `stat` where that shows no change, else the list anew.
        None where somebody is writing it: what there is may be half a list.

    Raises:
        BlacklistError: the file is missing, can't be read, is not a regular file, or has a line
            that is no entry.
    """
    if known is not None and known.seen.is_unchanged():
        return known
    snapshot = take_snapshot(where.path, LARGEST)
    if snapshot.error is not None:
        raise BlacklistError(
            f"{snapshot.error}. A list that can't be read is not taken for an empty one: put a "
            "text file there with one entry a line, readable for the user that runs hookframe, "
            "or take it out of the settings"
        )
    if not snapshot.settled:
        return None
    seen, fingerprint = replace(snapshot, content=b""), snapshot.fingerprint
    if known is not None and known.fingerprint == fingerprint:
        return replace(known, seen=seen)
    entries = parse(snapshot.content, where.path, senders=where.senders)
    return ListFile(seen, fingerprint, entries)


def being_written(where: ListPath) -> str:
    """Say that a list can't be read for the first time as long as somebody is writing it."""
    return (
        f"somebody is writing {where.path}, or was a moment ago, and half a list is not taken for "
        "a whole one: wait until it is closed, or write a new file beside it and rename that over "
        "it"
    )
