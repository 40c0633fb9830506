"""The scoreboard: shared memory in which the daemon's processes publish their state.

Each child writes its own slot, and the supervisor reads it without a lock. So neither ever waits
for the other.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
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
KILL_AFTER: Final = 6
"""The field with the microseconds after which a child is killed in an attempt; 0 for never."""
LOADING: Final = 7
"""The field with the start of a load, or of closing the last policy, as in `HEARTBEAT`; 0 for
none."""
LOAD_TIME: Final = 8
"""The field with limits.load_time in microseconds."""
DEADLINE: Final = 12
"""The field with the deadline of the whole chain in microseconds; 0 for none."""
MAX_MEMORY: Final = 9
"""The field with limits.max_memory in bytes; 0 for no limit."""
TRYING: Final = 13
"""The field with the core number of the policy that is being loaded; 0 for none."""
TRIED: Final = 14
"""The field with the whole number of the last policy that was loaded or failed, as it was read."""
TRIED_AS_LOADED: Final = 17
"""The same as it was loaded: with the code files of its plugins."""
SUSPECT: Final = 15
"""The supervisor's field with the core number of the policy that crashed a child last."""
DEADLY: Final = 16
"""The supervisor's field with the core number of a policy that no child may load."""
_FIELDS: Final = 512
_JOURNAL: Final = 64 * 1024
_REPORT: Final = 256 * 1024
_SLOT: Final = _FIELDS + _JOURNAL + _REPORT
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
        self.fields = memory[:_FIELDS].cast("Q")
        self._journal = memory[_FIELDS : _FIELDS + _JOURNAL]
        self._report = memory[_FIELDS + _JOURNAL : _SLOT]

    def clear(self) -> None:
        """Reset all fields."""
        for index in range(len(self.fields)):
            self.fields[index] = 0

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
