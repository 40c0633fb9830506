"""The scoreboard: shared memory in which the daemon's processes publish their state.

Each child writes its own slot, and the supervisor reads it without a lock. So neither ever waits
for the other.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from itertools import accumulate, pairwise
from typing import Final

ATTEMPT: Final = 0
"""The field with the number of the attempt that is being answered; 0 for none."""
_FIRST: Final = 1  # 0 for a journal of one request, which may contain the separator
_JOURNALED: Final = 2
_REPORTED: Final = 3
_EDITION: Final = 4
_ANSWERED: Final = 10
_ANSWERED_AT_REPORT: Final = 11
HEARTBEAT: Final = 5
"""The field with the time of the event loop's last sweep: monotonic clock, microseconds."""
POLICY: Final = 6
"""The field with the number of a policy. In the supervisor's slot it is the policy in use, 0 for
none: a process that serves another one accepts no more clients."""
_FIELDS: Final = 512
_CELLS: Final = 64
_PHASE: Final = 512
_JOURNAL: Final = 64 * 1024
_REPORT: Final = 256 * 1024
_SLOT: Final = _FIELDS + _CELLS + _PHASE + _JOURNAL + _REPORT
_SEPARATOR: Final = b"\n"
"""Separates two requests in the journal; it ends a request of each protocol with several."""
MICROSECONDS: Final = 1_000_000
"""Microseconds, the unit of all times here, in a second."""


class Slot:
    """One process's part of the scoreboard.

    Args:
        memory: its bytes; None for private memory, without a supervisor.
    """

    def __init__(self, memory: memoryview | None = None) -> None:
        memory = memoryview(bytearray(_SLOT)) if memory is None else memory
        sizes = accumulate((0, _FIELDS, _CELLS, _PHASE, _JOURNAL, _REPORT))
        fields, cells, self._phase, self._journal, self._report = (
            memory[begin:end] for begin, end in pairwise(sizes)
        )
        self.fields = fields.cast("Q")
        self.cells = cells.cast("d")
        """the times of the running attempt: see `hookframe.chain.deadline`"""

    def clear(self) -> None:
        """Reset all fields."""
        for index in range(len(self.fields)):
            self.fields[index] = 0
        for index in range(len(self.cells)):
            self.cells[index] = 0.0
        self.phase = ""

    @property
    def phase(self) -> str:
        """What the process does while it loads or closes plugins, for the log; may be empty."""
        return bytes(self._phase).partition(b"\0")[0].decode("utf-8", "replace")

    @phase.setter
    def phase(self, text: str) -> None:
        data = text.encode("utf-8", "replace")[: _PHASE - 1]
        self._phase[: len(data) + 1] = data + b"\0"

    @property
    def in_progress(self) -> bytes | None:
        """The request that is being answered, truncated if it is long; None between two."""
        number = self.fields[ATTEMPT]
        if not number:
            return None
        text, first = bytes(self._journal[: self.fields[_JOURNALED]]), self.fields[_FIRST]
        if not first:
            return text
        requests, index = text.split(_SEPARATOR), number - first
        return requests[index] if index < len(requests) else b""

    def journal(self, first: int, requests: list[bytes], most: int) -> None:
        """Record the next requests, for the death report.

        Args:
            first: the number of the first one.
            requests: the waiting requests.
            most: how many of them are answered at most before the next record.
        """
        if len(requests) == 1:
            text, first = requests[0], 0
        else:
            text = _SEPARATOR.join(requests[:most])
        if len(text) > _JOURNAL:
            text = text[:_JOURNAL]
        length = len(text)
        self._journal[:length] = text
        self.fields[_JOURNALED] = length
        self.fields[_FIRST] = first

    def publish(self, report: bytes) -> None:
        """Replace the report, unless the new one is too long."""
        if len(report) > _REPORT:
            return
        self.fields[_EDITION] += 1  # odd while it is written
        self._report[: len(report)] = report
        self.fields[_REPORTED] = len(report)
        self.fields[_ANSWERED_AT_REPORT] = self.fields[_ANSWERED]
        self.fields[_EDITION] += 1

    @property
    def unreported(self) -> int:
        """The number of requests since the last report."""
        answered = max(self.fields[_ANSWERED], self.fields[ATTEMPT])
        return answered - self.fields[_ANSWERED_AT_REPORT]

    def report(self) -> bytes:
        """Return the report; empty if there is none, or no complete one."""
        for _ in range(100):
            edition = self.fields[_EDITION]
            text = bytes(self._report[: self.fields[_REPORTED]])
            if edition % 2 == 0 and edition == self.fields[_EDITION]:
                return text
        return b""


class RequestMarker:
    """Marks on the scoreboard which request a process is answering.

    Args:
        slot: the process's slot.
    """

    __slots__ = ("fields", "forked", "number", "sample_at", "slot")

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.fields = slot.fields
        self.number = 0
        """the number of answered requests"""
        self.sample_at = 0.0
        """when to time the next attempt plugin by plugin, by the monotonic clock"""
        self.forked = False
        """whether this process was forked by a hook"""

    def end(self, number: int) -> None:
        """Mark that no request is being answered.

        Args:
            number: the last answered request.
        """
        if self.forked:
            os._exit(0)
        self.number = number
        self.fields[_ANSWERED] = number
        self.fields[ATTEMPT] = 0


class Scoreboard:
    """All slots, in memory that forked children share.

    Args:
        children: the maximum number of children.
    """

    def __init__(self, children: int) -> None:
        self._memory = memoryview(mmap.mmap(-1, _SLOT * (children + 1)))
        self.own = self._slot(0)
        """the supervisor's slot"""
        self.slots = tuple(self._slot(1 + index) for index in range(children))
        """the children's slots, taken or not"""
        self._free = list(reversed(self.slots))

    def _slot(self, index: int) -> Slot:
        return Slot(self._memory[_SLOT * index : _SLOT * (index + 1)])

    @property
    def full(self) -> bool:
        """Whether there is no slot for another child."""
        return not self._free

    def acquire(self) -> Slot:
        """Return a free slot for a new child."""
        slot = self._free.pop()
        slot.clear()
        return slot

    def release(self, slot: Slot) -> None:
        """Free the slot of a child that has died."""
        slot.clear()
        self._free.append(slot)

    def reports(self) -> Iterator[bytes]:
        """Yield what each child has published."""
        for slot in self.slots:
            report = slot.report()
            if report:
                yield report
