"""Change detection: file system events by watchdog, besides a slow poll by the caller.

The directories are watched, not the files: a watch on a file ends when the file is replaced, and
a swapped symbolic link causes no event for the file. Any event only means "check the files".
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from threading import Event
from typing import Final

from watchdog import events
from watchdog.events import (
    DirCreatedEvent,
    DirDeletedEvent,
    DirModifiedEvent,
    DirMovedEvent,
    FileClosedEvent,
    FileCreatedEvent,
    FileDeletedEvent,
    FileModifiedEvent,
    FileMovedEvent,
    FileSystemEvent,
    FileSystemEventHandler,
)
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, ObservedWatch

from hookframe.files.descriptors import Identity

POLL: Final = 0.25
"""Seconds between two checks of the files while a change may cause no event."""
_CHANGE_EVENTS: Final = frozenset({"created", "modified", "moved", "deleted", "closed", "attrib"})
_SUBSCRIBED_EVENTS: Final[list[type[FileSystemEvent]]] = [
    *(DirCreatedEvent, DirModifiedEvent, DirMovedEvent, DirDeletedEvent),
    *(FileCreatedEvent, FileModifiedEvent, FileMovedEvent, FileDeletedEvent, FileClosedEvent),
    # Before its version 7 watchdog called a change of permissions a modification.
    *(getattr(events, name) for name in ("FileAttribEvent",) if hasattr(events, name)),
]
"""The events that watchdog subscribes to: not opening and reading, which our own checks do."""
_FOLLOWED_LINKS: Final = 40
"""The maximum number of symbolic links in a path, as in the kernel (path_resolution(7))."""


def find_directories(paths: Iterable[str]) -> dict[str, Identity]:
    """Return the directories to watch for some files.

    Args:
        paths: the files; each symbolic link in a path adds the directory that contains it.

    Returns:
        Each existing directory with its identity, which changes when it is removed and created
        again.
    """
    found: dict[str, Identity] = {}
    for path in paths:
        for directory in _follow_links(Path(os.path.abspath(path))):  # noqa: PTH100  (links stay)
            try:
                status = os.stat(directory)  # noqa: PTH116
            except OSError:
                continue
            found[str(directory)] = (status.st_ino, status.st_dev)
    return found


def _follow_links(path: Path) -> list[Path]:
    """Return the directories of the file and of each symbolic link on the way to it."""
    seen = [path.parent]
    for _ in range(_FOLLOWED_LINKS):
        link = next((each for each in (*reversed(path.parents), path) if each.is_symlink()), None)
        if link is None:
            break
        target = Path(os.path.normpath(link.parent / link.readlink()))
        path = target / path.relative_to(link)
        seen += [link.parent, path.parent]
    return list(dict.fromkeys(seen))


class _Handler(FileSystemEventHandler):
    """A handler that sets an event on every change, and records which files are being written."""

    def __init__(self, noticed: Event) -> None:
        self._noticed = noticed
        self.unclosed: set[str] = set()
        """the files that were modified and not closed since"""

    def dispatch(self, event: FileSystemEvent) -> None:
        """Set the event; it must not raise, because that would end the observer."""
        if event.event_type not in _CHANGE_EVENTS:
            return
        path = os.fsdecode(event.dest_path or event.src_path)
        if event.event_type == "modified":
            self.unclosed.add(path)
        elif event.event_type != "attrib":
            self.unclosed.discard(path)
        self._noticed.set()


class Watch:
    """The watches of the directories of some files, as far as the system allows them.

    Args:
        noticed: is set when a file may have changed.
        warn: is called with a sentence when a directory can't be watched.
    """

    def __init__(self, noticed: Event, warn: Callable[[str], None]) -> None:
        self._handler = _Handler(noticed)
        self._warn = warn
        self._observer = self._start_observer()
        self._watched: dict[str, tuple[Identity, ObservedWatch]] = {}
        self._unwatchable: dict[str, Identity] = {}

    def watch_files(self, paths: Iterable[str]) -> bool:
        """Watch the directories of these files; replace watches that no longer work.

        Args:
            paths: the files.

        Returns:
            Whether a watch was added: earlier changes in its directory have caused no event.
        """
        observer = self._observer
        if observer is None:
            return False
        wanted = find_directories(paths)
        dead = {each.watch for each in observer.emitters if not each.is_alive()}
        for directory, (identity, watch) in list(self._watched.items()):
            if wanted.get(directory) != identity or watch in dead:
                observer.unschedule(watch)
                del self._watched[directory]
        before = set(self._watched)
        for directory, identity in wanted.items():
            if directory not in self._watched and self._unwatchable.get(directory) != identity:
                self._schedule(observer, directory, identity)
        return not before.issuperset(self._watched)

    def _start_observer(self) -> BaseObserver | None:
        """Start an observer; None if the system's limit of them is reached (inotify(7))."""
        try:
            observer = Observer()
            observer.start()
        except OSError as error:
            self._warn(
                f"can't watch any directory: {error.strerror or error}; "
                f"checking for changes every {POLL} s instead"
            )
            return None
        return observer

    def _schedule(self, observer: BaseObserver, directory: str, identity: Identity) -> None:
        try:
            watch = observer.schedule(self._handler, directory, event_filter=_SUBSCRIBED_EVENTS)
        except OSError as error:
            self._unwatchable[directory] = identity
            self._warn(
                f"can't watch {directory}: {error.strerror or error}; "
                f"checking for changes there every {POLL} s instead"
            )
        else:
            self._watched[directory] = (identity, watch)

    @property
    def works(self) -> bool:
        """Whether every change causes an event."""
        return bool(self._watched) and not self._unwatchable

    def is_being_written(self, path: str) -> bool:
        """Return whether events show a writer that has modified a file and not closed it yet."""
        names = os.path.abspath(path), os.path.realpath(path)  # noqa: PTH100  (links stay)
        return not self._handler.unclosed.isdisjoint(names)

    def stop(self) -> None:
        """Stop watching."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
