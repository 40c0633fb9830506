"""Says when a file may have changed: watchdog at once, and a slow poll behind it.

The directories are watched, not the files: after an atomic replacement a watch on the file is
deaf, and a swapped symbolic link never names the file. Any event only means "look".
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

POLL: Final = 0.25
"""Seconds between two looks where nothing says that a file has changed."""
_CHANGE_EVENTS: Final = frozenset({"created", "modified", "moved", "deleted", "closed", "attrib"})
_SUBSCRIBED_EVENTS: Final[list[type[FileSystemEvent]]] = [
    *(DirCreatedEvent, DirModifiedEvent, DirMovedEvent, DirDeletedEvent),
    *(FileCreatedEvent, FileModifiedEvent, FileMovedEvent, FileDeletedEvent, FileClosedEvent),
    # Before its version 7 watchdog called a change of permissions a modification.
    *(getattr(events, name) for name in ("FileAttribEvent",) if hasattr(events, name)),
]
"""What the system is asked for: not that a file was opened and read, as each look of ours does."""
_FOLLOWED_LINKS: Final = 40
"""The most symbolic links that are followed, as the kernel does (path_resolution(7))."""


Inode = tuple[int, int]
"""A device and an inode on it."""


def find_directories(paths: Iterable[str]) -> dict[str, Inode]:
    """Name the directories to watch for some files.

    Args:
        paths: the files; each symbolic link on the way to one adds the directory it lies in.

    Returns:
        Each directory that exists, with its device and inode: a directory that was removed and
        made again is another one.
    """
    found: dict[str, Inode] = {}
    for path in paths:
        for directory in _follow_links(Path(os.path.abspath(path))):  # noqa: PTH100  (links stay)
            try:
                status = os.stat(directory)  # noqa: PTH116
            except OSError:
                continue
            found[str(directory)] = (status.st_dev, status.st_ino)
    return found


def _follow_links(path: Path) -> list[Path]:
    """Follow a path link by link; give the directory of each link and of the file itself."""
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
    """Notes that something happened."""

    def __init__(self, noticed: Event) -> None:
        self._noticed = noticed

    def dispatch(self, event: FileSystemEvent) -> None:
        """Take any event; it must not raise, for that would end the observer."""
        if event.event_type in _CHANGE_EVENTS:
            self._noticed.set()


class Watch:
    """Watches the directories of some files with watchdog, as far as the system lets it.

    Args:
        noticed: is set when a file may have changed.
        warn: takes a sentence when watching is not possible; polling goes on without it.
    """

    def __init__(self, noticed: Event, warn: Callable[[str], None]) -> None:
        self._handler = _Handler(noticed)
        self._warn = warn
        self._observer = self._start_observer()
        self._watched: dict[str, tuple[Inode, ObservedWatch]] = {}
        self._unwatchable: dict[str, Inode] = {}

    def watch_files(self, paths: Iterable[str]) -> bool:
        """Watch the directories of these files, anew where a watch has gone deaf.

        Args:
            paths: the files.

        Returns:
            Whether a directory is watched now that was not before: what changed in it until now
            nobody has told.
        """
        observer = self._observer
        if observer is None:
            return False
        wanted = find_directories(paths)
        deaf = {each.watch for each in observer.emitters if not each.is_alive()}
        for directory, (inode, watch) in list(self._watched.items()):
            if wanted.get(directory) != inode or watch in deaf:
                observer.unschedule(watch)
                del self._watched[directory]
        before = set(self._watched)
        for directory, inode in wanted.items():
            if directory not in self._watched and self._unwatchable.get(directory) != inode:
                self._schedule(observer, directory, inode)
        return not before.issuperset(self._watched)

    def _start_observer(self) -> BaseObserver | None:
        """Start an observer; None where the system has none left (inotify(7))."""
        try:
            observer = Observer()
            observer.start()
        except OSError as error:
            self._warn(
                f"can't watch any directory: {error.strerror or error}; "
                f"looking for changes every {POLL} s instead"
            )
            return None
        return observer

    def _schedule(self, observer: BaseObserver, directory: str, inode: Inode) -> None:
        try:
            watch = observer.schedule(self._handler, directory, event_filter=_SUBSCRIBED_EVENTS)
        except OSError as error:
            self._unwatchable[directory] = inode
            self._warn(
                f"can't watch {directory}: {error.strerror or error}; "
                f"looking for changes there every {POLL} s instead"
            )
        else:
            self._watched[directory] = (inode, watch)

    @property
    def works(self) -> bool:
        """Say whether the system tells of every change."""
        return bool(self._watched) and not self._unwatchable

    def stop(self) -> None:
        """Stop watching."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
