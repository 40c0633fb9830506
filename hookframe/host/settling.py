"""Decides whether files that have changed are whole, or a process is still writing them."""

from __future__ import annotations

from time import monotonic
from typing import TYPE_CHECKING, Final

from hookframe.files.snapshot import FORGOTTEN, QUIET, Writers

if TYPE_CHECKING:
    from hookframe.host.source import Material

STILL: Final = 0.5
"""Seconds without a change where every lease is refused, as if there were always a writer (NFS)."""


class Settling:
    """Judges whether a file that has changed is whole.

    Args:
        loaded: what is in use already.
    """

    def __init__(self, loaded: Material) -> None:
        self._leasing = _leasing(loaded)
        """the devices on which a lease has been granted"""
        self._candidate: tuple[object, ...] = ()
        self._since = 0.0

    def settled(self, material: Material) -> bool:
        """Say whether what was read may be loaded.

        Where the system grants a lease on each file no process is writing: that settles it.
        Elsewhere the files have to stay the same for a while. So has a file that is missing: some
        editors move the old one away before they write the new one.
        """
        now = monotonic()
        if material.fingerprint != self._candidate:
            self._candidate, self._since = material.fingerprint, now
        still = now - self._since
        self._leasing |= _leasing(material)
        if material.writers is Writers.NONE:
            return material.readable or still >= QUIET
        if material.writers is Writers.UNKNOWN:
            return still >= QUIET
        # A refusal proves a writer only where leases are granted: NFS refuses them all.
        written = {file.device for file in material.files if file.writers is Writers.SOME}
        return still >= (FORGOTTEN if written <= self._leasing else STILL)


def _leasing(material: Material) -> set[int]:
    return {file.device for file in material.files if file.leased}
