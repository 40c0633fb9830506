"""What the supervisor knows of the daemon as a whole, for its status."""

from __future__ import annotations

import os
from collections.abc import Collection
from time import monotonic
from typing import TYPE_CHECKING

from hookframe.daemon.status import add_past, decode, encode, make_empty_past
from hookframe.daemon.supervisor.child import Child, Role

if TYPE_CHECKING:
    from hookframe.daemon.scoreboard import Slot
    from hookframe.daemon.status import SupervisorPart


class History:
    """The daemon's history: since when it runs, who died, and what the dead had done."""

    def __init__(self) -> None:
        self._started = monotonic()
        self._restarts = 0
        self._past = make_empty_past()
        self._published: SupervisorPart | None = None

    def record_death(self, child: Child) -> None:
        """Keep what a child had done."""
        self._restarts += child.role is Role.WORKER
        slot = child.post.slot
        report = slot.report()
        last = decode(report) if report else None
        self._past = add_past(self._past, last, slot.unreported)

    def publish(self, slot: Slot, children: Collection[Child]) -> None:
        """Say on the board how the daemon is, if that has changed.

        Args:
            slot: the supervisor's.
            children: all that there are.
        """
        part: SupervisorPart = {
            "pid": os.getpid(),
            "started": self._started,
            "restarts": self._restarts,
            "roles": {str(child.pid): str(child.role) for child in children},
            "past": self._past,
        }
        if part != self._published:
            slot.publish(encode(part))
            self._published = part


def read_hook_files(child: Child) -> dict[str, str]:
    """Give, by plugin of a child's chain, the file in which its hook stands."""
    report = child.post.slot.report()
    members = decode(report)["chain"] if report else []
    return {member["plugin"]: member["file"] for member in members}
