"""The supervisor's part of the status: start, restarts, roles, counts of dead workers."""

from __future__ import annotations

import os
from collections.abc import Collection
from time import monotonic
from typing import TYPE_CHECKING

from hookframe.api.attempt import encode_line
from hookframe.daemon.status import add_past, decode, make_empty_past
from hookframe.daemon.supervisor.child import Child, Role

if TYPE_CHECKING:
    from hookframe.daemon.scoreboard import Slot
    from hookframe.daemon.status import SupervisorPart


class History:
    """The daemon's start, its restarts, and the counts of workers that have died."""

    def __init__(self) -> None:
        self._started = monotonic()
        self._restarts = 0
        self._past = make_empty_past()
        self._published: SupervisorPart | None = None

    def record_death(self, child: Child) -> None:
        """Add the counts of a child that has died."""
        self._restarts += child.role is Role.WORKER
        slot = child.post.slot
        report = slot.report()
        last = decode(report) if report else None
        self._past = add_past(self._past, last, slot.unreported)

    def publish(self, slot: Slot, children: Collection[Child]) -> None:
        """Publish the supervisor's part on the scoreboard, if it has changed.

        Args:
            slot: the supervisor's slot.
            children: all children.
        """
        part: SupervisorPart = {
            "pid": os.getpid(),
            "started": self._started,
            "restarts": self._restarts,
            "roles": {str(child.pid): str(child.role) for child in children},
            "past": self._past,
        }
        if part != self._published:
            slot.publish(encode_line(part))
            self._published = part


def read_hook_files(child: Child) -> dict[str, str]:
    """Return the file of each hook in a child's chain, by plugin."""
    report = child.post.slot.report()
    members = decode(report)["chain"] if report else []
    return {member["plugin"]: member["file"] for member in members}
