"""One reading of the rule file: what it said, and what became of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from hookframe import Snapshot, take_snapshot
from hookframe_routing.load import load_document
from hookframe_routing.problems import Problem, RoutingError

if TYPE_CHECKING:
    from hookframe_routing.table import Table

LARGEST: Final = 64 * 1024 * 1024
"""The largest rule file that is read, in bytes: some million rules."""
_MEND: Final = (
    "expected a file of rules that is readable for the user that runs hookframe: put it there, or "
    "change `file` in [plugins.routing.settings]"
)


class Content(NamedTuple):
    """The rule file as it was read."""

    seen: Snapshot
    """the file at that moment, without its bytes"""
    fingerprint: tuple[object, ...]
    """of the file with its bytes, which tells what a stamp can't"""
    table: Table | None
    """its rules; None where they are wrong"""
    error: RoutingError | None
    """what is wrong, None where nothing is"""

    def seen_again(self, snapshot: Snapshot) -> Content:
        """Give the same for a file that was read again and had the same bytes."""
        return self._replace(seen=replace(snapshot, content=b""))


def look(path: str) -> Snapshot:
    """Read the rule file."""
    return take_snapshot(path, LARGEST)


def being_written(path: str) -> Content:
    """Give what stands for a file before it is read: somebody is writing it."""
    text = (
        "somebody is writing it, or was a moment ago, and half of the rules are not taken for "
        "all; expected it to be closed: wait for that, or write a new file beside it and rename "
        "that over it"
    )
    return Content(Snapshot(path), (), None, RoutingError([Problem("", text)], path))


def known_or_read(snapshot: Snapshot, further: frozenset[str], known: Content) -> Content:
    """Make a table of what was read, unless the bytes are those of the one that is known."""
    if snapshot.fingerprint == known.fingerprint:
        return known.seen_again(snapshot)
    return read_content(snapshot, further)


def read_content(snapshot: Snapshot, further: frozenset[str]) -> Content:
    """Make a table of what was read.

    Args:
        snapshot: the rule file.
        further: the keys beyond the nine that rules may match.

    Returns:
        What was read, right or wrong.
    """
    try:
        return _content(snapshot, load_document(_bytes(snapshot), snapshot.path, further))
    except RoutingError as error:
        return _content(snapshot, error)


def failed(snapshot: Snapshot, error: Exception) -> Content:
    """Give what stands for a file that could not be made a table, for no fault of its own."""
    text = f"can't be made a table: {type(error).__name__}: {error}"
    return _content(snapshot, RoutingError([Problem("", text)], snapshot.path))


def _bytes(snapshot: Snapshot) -> bytes:
    if snapshot.error is not None:
        raise RoutingError([Problem("", f"{snapshot.error}; {_MEND}")])
    return snapshot.content


def _content(snapshot: Snapshot, made: Table | RoutingError) -> Content:
    seen = replace(snapshot, content=b"")
    if isinstance(made, RoutingError):
        return Content(seen, snapshot.fingerprint, None, made)
    return Content(seen, snapshot.fingerprint, made, None)
