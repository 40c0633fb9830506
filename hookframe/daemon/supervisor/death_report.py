"""What the log says of children that have died, or had to be killed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hookframe.daemon.supervisor.history import chain_of
from hookframe.daemon.supervisor.postmortem import cause_of_death, identified, place

if TYPE_CHECKING:
    from hookframe.daemon.supervisor.child import Child
    from hookframe.log.log import Log


class Obituaries:
    """Writes them.

    Args:
        log: where.
    """

    def __init__(self, log: Log) -> None:
        self._log = log

    def died(self, child: Child, status: int) -> None:
        """Say of what a child has died, and in which attempt.

        Args:
            child: the child.
            status: as os.waitstatus_to_exitcode gives it.
        """
        cause, request = cause_of_death(status), child.post.slot.in_progress
        if request is None:
            self._log.error(f"the {child.role} {child.pid} has died: {cause}")
        else:
            text = f"the worker {child.pid} that ran it has died: {cause}"
            self._log.lost(identified(request), text + _place(child, child.last_words()))

    def hung(self, child: Child, request: bytes, trace: str) -> None:
        """Say in which attempt a child had to be killed.

        Args:
            child: the child.
            request: what it could not answer.
            trace: the traceback of its main thread.
        """
        text = f"did not end after its deadline; its worker {child.pid} was killed"
        self._log.lost(identified(request), text + _place(child, trace))

    def given_up(self, child: Child, why: str, trace: str) -> None:
        """Say why a child had to be killed that was in no attempt.

        Args:
            child: the child.
            why: what was wrong with it.
            trace: the traceback of its main thread; empty where there is none.
        """
        where = _place(child, trace) if trace else ""
        self._log.error(f"the {child.role} {child.pid} was killed: {why}{where}")


def _place(child: Child, trace: str) -> str:
    return place(trace, chain_of(child))
