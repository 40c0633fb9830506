"""New files: written all or none, never over existing ones."""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Final

_MODE: Final = 0o644
"""Only the owner may write a hook file: hookframe refuses others (CONTRACT 4)."""


def write_new(files: Mapping[Path, bytes]) -> None:
    """Write new files and missing directories: all of them, or none.

    Args:
        files: the content of each; the umask has no effect on its permissions.

    Raises:
        OSError: one of them exists, or can't be written; the others have been removed.
    """
    with ExitStack() as undo:
        for path, content in files.items():
            _make_directory(path.parent, undo)
            _write(path, content, undo)
        undo.pop_all()


def _make_directory(path: Path, undo: ExitStack) -> None:
    if path.is_dir():
        return
    _make_directory(path.parent, undo)
    path.mkdir()
    undo.callback(path.rmdir)


def _write(path: Path, content: bytes, undo: ExitStack) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _MODE)
    undo.callback(path.unlink)
    with open(handle, "wb") as file:  # noqa: PTH123  (a descriptor)
        os.fchmod(handle, _MODE)
        file.write(content)
