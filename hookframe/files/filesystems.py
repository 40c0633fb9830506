"""Which file systems nobody but this system changes, so that it can tell of every change."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Final

_LOCAL: Final = frozenset(
    {"bcachefs", "btrfs", "ext2", "ext3", "ext4", "f2fs", "jfs", "overlay", "tmpfs", "xfs", "zfs"}
)
"""Others may be changed from elsewhere without a word: network file systems, and those of FUSE."""
MOUNTS: Final = Path("/proc/self/mountinfo")
"""What is mounted where, as proc_pid_mountinfo(5) describes it."""
_ESCAPE: Final = re.compile(r"\\([0-7]{3})")


def is_local(path: str) -> bool:
    """Say whether a file lies on a file system that only this system changes.

    Args:
        path: the file; symbolic links are followed. Of what can't be found out that is not said.
    """
    try:
        lines = MOUNTS.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return False
    return _kind(os.path.realpath(path), lines) in _LOCAL


def _kind(path: str, lines: list[str]) -> str:
    """Name the file system of the innermost mount on the way to a path (proc_pid_mountinfo(5))."""
    longest, kind = -1, ""
    for line in lines:
        before, _, after = line.partition(" - ")
        point = _ESCAPE.sub(lambda found: chr(int(found[1], 8)), before.split(" ")[4])
        inside = path == point or path.startswith(f"{point.rstrip('/')}/")
        if inside and len(point) >= longest:  # of two at one place the later one hides the other
            longest, kind = len(point), after.split(" ")[0]
    return kind
