"""Says when a file may have changed: watchdog at once, and a slow poll behind it.

The directories are watched, not the files: after an atomic replacement a watch on the file is
deaf, and a swapped symbolic link never names the file. Any event only means "look".
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
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

from hookframe.bell import Bell

POLL: Final = 0.25
"""Seconds between two looks where nothing says that a file has changed."""
_TELLING: Final = frozenset({"created", "modified", "moved", "deleted", "closed", "attrib"})
_WANTED: Final[list[type[FileSystemEvent]]] = [
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


def directories(paths: Iterable[str]) -> dict[str, Inode]:
    """Name the directories to watch for some files.

    Args:
        paths: the files; each symbolic link on the way to one adds the directory it lies in.

    Returns:
        Each directory that exists, with its device and inode: a directory that was removed and
        made again is another one.
    """
    found: dict[str, Inode] = {}
    for path in paths:
        for directory in _on_the_way(Path(os.path.abspath(path))):  # noqa: PTH100  (links stay)
            try:
                status = os.stat(directory)  # noqa: PTH116
            except OSError:
                continue
            found[str(directory)] = (status.st_dev, status.st_ino)
    return found


def _on_the_way(path: Path) -> list[Path]:
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


def _names(path: str) -> tuple[str, str]:
    """Give the names by which events may call a file: as it was named, and without links."""
    return os.path.abspath(path), os.path.realpath(path)  # noqa: PTH100


class _Handler(FileSystemEventHandler):
    """Notes that something happened, and which files a writer has or has not closed."""

    def __init__(self, bell: Bell) -> None:
        self._bell = bell
        self.files: frozenset[str] = frozenset()
        """the files that matter in the directories that are watched"""
        self.unclosed: dict[str, bool] = {}
        """of each of them that has changed, whether its writer has yet to close it"""

    def dispatch(self, event: FileSystemEvent) -> None:
        """Take any event; it must not raise, for that would end the observer."""
        if event.event_type not in _TELLING:
            return
        path = os.fsdecode(event.dest_path or event.src_path)
        if path in self.files:
            self._note(event.event_type, path)
        self._bell.ring()

    def _note(self, kind: str, path: str) -> None:
        if kind in ("closed", "moved"):
            self.unclosed[path] = False
        elif kind == "modified":
            self.unclosed[path] = True
        else:
            self.unclosed.pop(path, None)


class Watch:
    """Watches the directories of some files with watchdog, as far as the system lets it.

    Args:
        bell: is rung when a file may have changed.
        warn: takes a sentence when watching is not possible; polling goes on without it.
    """

    def __init__(self, bell: Bell, warn: Callable[[str], None]) -> None:
        self._handler = _Handler(bell)
        self._warn = warn
        self._observer = self._observing()
        self._watched: dict[str, tuple[Inode, ObservedWatch]] = {}
        self._refused: dict[str, Inode] = {}

    def cover(self, paths: Iterable[str]) -> bool:
        """Watch the directories of these files, anew where a watch has gone deaf.

        Args:
            paths: the files.

        Returns:
            Whether a directory is watched now that was not before: what changed in it until now
            nobody has told.
        """
        paths = list(paths)
        self._handler.files = frozenset(name for path in paths for name in _names(path))
        observer = self._observer
        if observer is None:
            return False
        wanted = directories(paths)
        deaf = {each.watch for each in observer.emitters if not each.is_alive()}
        for directory, (inode, watch) in list(self._watched.items()):
            if wanted.get(directory) != inode or watch in deaf:
                observer.unschedule(watch)
                del self._watched[directory]
        before = set(self._watched)
        for directory, inode in wanted.items():
            if directory not in self._watched and self._refused.get(directory) != inode:
                self._schedule(observer, directory, inode)
        return not before.issuperset(self._watched)

    def _observing(self) -> BaseObserver | None:
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
            watch = observer.schedule(self._handler, directory, event_filter=_WANTED)
        except OSError as error:
            self._refused[directory] = inode
            self._warn(
                f"can't watch {directory}: {error.strerror or error}; "
                f"looking for changes there every {POLL} s instead"
            )
        else:
            self._watched[directory] = (inode, watch)

    @property
    def works(self) -> bool:
        """Say whether the system tells of every change."""
        return bool(self._watched) and not self._refused

    def unclosed(self, path: str) -> bool | None:
        """Say whether a writer has yet to close a file that has changed.

        Args:
            path: the file.

        Returns:
            True and False as events have told; None where none has.
        """
        told = [self._handler.unclosed.get(name) for name in _names(path)]
        return next((unclosed for unclosed in told if unclosed is not None), None)

    def forget_closed(self) -> None:
        """Forget which writers have closed their files: what they wrote has been loaded."""
        for path, unclosed in list(self._handler.unclosed.items()):
            if not unclosed:
                self._handler.unclosed.pop(path, None)

    def stop(self) -> None:
        """Stop watching."""
        if self._observer is not None:
            self._observer.stop()
            self._observer.join()
