"""The supervisor's part of the status: start, restarts, roles, sums of ended workers."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from time import monotonic, time
from typing import TYPE_CHECKING, Final

from hookframe.api.attempt import encode_line
from hookframe.daemon.status import add_past, decode, make_empty_past
from hookframe.daemon.supervisor.child import Child

if TYPE_CHECKING:
    from hookframe.chain.stats import LastError
    from hookframe.daemon.scoreboard import Slot
    from hookframe.daemon.status import SupervisorPart
    from hookframe.daemon.supervisor.plan import Plan
    from hookframe.daemon.supervisor.policy import Failure

_REASONS: Final = ("policy", "memory", "descriptors", "death", "hang", "internal")


class History:
    """The daemon's start, its restarts, and the counts of workers that have ended."""

    def __init__(self) -> None:
        self._started = monotonic()
        self._restarts = dict.fromkeys(_REASONS, 0)
        self._past = make_empty_past()
        self._published: SupervisorPart | None = None
        self._failure: Failure | None = None
        self._last_load_error: LastError | None = None

    def count_restart(self, reason: str, workers: int = 1) -> None:
        """Count workers that are replaced, by the reason."""
        self._restarts[reason] += workers

    def record_end(self, child: Child) -> None:
        """Add the counts of a child that has ended."""
        slot = child.post.slot
        report = slot.report()
        last = decode(report) if report else None
        self._past = add_past(self._past, last, slot.unreported)

    def publish(
        self,
        slot: Slot,
        children: Collection[Child],
        plan: Plan[Child],
        problem: str,
        notes: Sequence[str],
    ) -> None:
        """Publish the supervisor's part on the scoreboard, if it has changed.

        Args:
            slot: the supervisor's slot.
            children: all children.
            plan: which policy is in use.
            problem: what is wrong; empty if nothing is.
            notes: what else the administrator should know.
        """
        if plan.failure is not self._failure:
            self._failure = plan.failure
            if plan.failure is not None:
                self._last_load_error = {"text": plan.failure.text, "at": time()}
        current = plan.current
        part: SupervisorPart = {
            "pid": os.getpid(),
            "started": self._started,
            "restarts": self._restarts.copy(),
            "roles": {str(child.pid): str(child.role) for child in children},
            "past": self._past,
            "generation": current.number if current else None,
            "digest": current.digest if current else "",
            "versions": dict(current.versions) if current else {},
            "problem": problem,
            "last_load_error": self._last_load_error,
            "notes": list(notes),
        }
        if part != self._published:
            slot.publish(encode_line(part))
            self._published = part


def read_hook_files(child: Child) -> dict[str, str]:
    """Return the file of each hook in a child's chain, by plugin."""
    report = child.post.slot.report()
    members = decode(report)["chain"] if report else []
    return {member["plugin"]: member["file"] for member in members}
