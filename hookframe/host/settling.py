"""Decides whether files that have changed are whole, or a process is still writing them."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from hookframe.files.snapshot import QUIET_TIME, WRITER_TIMEOUT, Writers

if TYPE_CHECKING:
    from hookframe.host.source import PolicyFiles

STILL: Final = 0.5
"""Seconds without a change where every lease is refused, as if there were always a writer (NFS)."""


class StabilityCheck:
    """Judges whether a file that has changed is whole.

    Args:
        loaded: what is in use already.
    """

    def __init__(self, loaded: PolicyFiles) -> None:
        self._leasing = _leasing(loaded)
        """the devices on which a lease has been granted"""
        self._candidate: tuple[object, ...] = ()
        self._since = 0.0

    def is_stable(self, policy_files: PolicyFiles) -> bool:
        """Say whether what was read may be loaded.

        Where the system grants a lease on each file no process is writing: that settles it.
        Elsewhere the files have to stay the same for a while. So has a file that is missing: some
        editors move the old one away before they write the new one.
        """
        now = monotonic()
        if policy_files.fingerprint != self._candidate:
            self._candidate, self._since = policy_files.fingerprint, now
        unchanged_for = now - self._since
        self._leasing |= _leasing(policy_files)
        if policy_files.writers is Writers.NONE:
            return policy_files.readable or unchanged_for >= QUIET_TIME
        if policy_files.writers is Writers.UNKNOWN:
            return unchanged_for >= QUIET_TIME
        # A refusal proves a writer only where leases are granted: NFS refuses them all.
        written = {file.device for file in policy_files.files if file.writers is Writers.SOME}
        return unchanged_for >= (WRITER_TIMEOUT if written <= self._leasing else STILL)


def _leasing(policy_files: PolicyFiles) -> set[int]:
    return {file.device for file in policy_files.files if file.leased}
