"""Decide whether changed files are complete, or a process is still writing them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from time import monotonic
from typing import TYPE_CHECKING, Final

from hookframe.files.snapshot import QUIET_TIME, WRITER_TIMEOUT, Writers

if TYPE_CHECKING:
    from hookframe.files.snapshot import Snapshot
    from hookframe.host.source import PolicyFiles

STILL: Final = 0.5
"""Seconds without a change on file systems that refuse every lease (NFS)."""


class StabilityCheck:
    """Decides whether changed files are complete.

    Args:
        loaded: the files in use.
        is_being_written: returns whether events show an open writer of a path.
    """

    def __init__(self, loaded: Iterable[Snapshot], is_being_written: Callable[[str], bool]) -> None:
        self._is_being_written = is_being_written
        self._leasing = _find_leasing(loaded)
        """the devices that have granted a lease"""
        self._candidate = ""
        self._since = 0.0

    def is_stable(self, policy_files: PolicyFiles) -> bool:
        """Return whether the files may be loaded.

        A lease on each file proves that no process is writing. Without leases events tell of a
        writer, and the files must stay the same for a while. So must a missing file: some editors
        move the old one away before they write the new one.
        """
        now = monotonic()
        if policy_files.digest != self._candidate:
            self._candidate, self._since = policy_files.digest, now
        unchanged_for = now - self._since
        self._leasing |= _find_leasing(policy_files.files)
        if policy_files.writers is Writers.NONE:
            return policy_files.readable or unchanged_for >= QUIET_TIME
        # The kernel grants a lease to the owner only: a file of root's, read by a daemon that is
        # not root, is judged by its events.
        if any(self._is_being_written(file.path) for file in policy_files.files):
            return unchanged_for >= WRITER_TIMEOUT
        if policy_files.writers is Writers.UNKNOWN:
            return unchanged_for >= QUIET_TIME
        # A refusal proves a writer only where leases are granted: NFS refuses them all.
        written = {file.device for file in policy_files.files if file.writers is Writers.SOME}
        return unchanged_for >= (WRITER_TIMEOUT if written <= self._leasing else STILL)

    def find_written(self, policy_files: PolicyFiles) -> list[str]:
        """Return the paths of the files that a process is writing, as far as that is known."""
        return [
            file.path
            for file in policy_files.files
            if file.writers is Writers.SOME or self._is_being_written(file.path)
        ]


def _find_leasing(files: Iterable[Snapshot]) -> set[int]:
    return {file.device for file in files if file.leased}
