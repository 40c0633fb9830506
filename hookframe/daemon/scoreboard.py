"""The board: shared memory on which the processes of one daemon tell each other how they are.

Each child has a slot. It writes there, and never reads what another one needs; the supervisor
reads without asking. So neither can ever wait for the other, whatever a hook does.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from typing import Final

ATTEMPT: Final = 0
"""The cell with the number of the attempt that is being answered, 0 between two of them."""
_FIRST: Final = 1
_JOURNALED: Final = 2
_REPORTED: Final = 3
_EDITION: Final = 4
_ANSWERED: Final = 10
_ANSWERED_AT_REPORT: Final = 11
HEARTBEAT: Final = 5
"""The cell with the time of the event loop's last sweep, by the monotonic clock in microseconds."""
LONGEST: Final = 6
"""The cell with the longest legal time of one attempt in microseconds, 0 for no limit."""
LOADING: Final = 7
"""The cell with the time since which a policy is being loaded, or the last one is closed, as in
`BEAT`; 0 while none is."""
LOAD_TIME: Final = 8
"""The cell with the longest legal time of that in microseconds."""
DEADLINE: Final = 12
"""The cell with the deadline of the whole chain in microseconds, 0 for none."""
MAX_MEMORY: Final = 9
"""The cell with the bytes of memory above which the process is replaced, 0 for no limit."""
TRYING: Final = 13
"""The cell with the core number of the policy that is being loaded, 0 while none is."""
TRIED: Final = 14
"""The cell with the whole number of the last one whose loading has come to an end, good or bad, as
it was read."""
TRIED_AS_LOADED: Final = 17
"""The same as it was loaded: with the code files of its plugins."""
SUSPECT: Final = 15
"""The supervisor's cell with the core number of the policy of which a child has died last."""
DEADLY: Final = 16
"""The supervisor's cell with the core number of one that nobody shall load any more."""
_FIELDS: Final = 512
_JOURNAL: Final = 64 * 1024
_REPORT: Final = 256 * 1024
_SLOT: Final = _FIELDS + _JOURNAL + _REPORT
_SEPARATOR: Final = b"\0"
"""Stands between two requests in the journal; neither JSON nor base64 has it."""
MICROSECONDS: Final = 1_000_000
"""The unit of times on the board, in a second."""


class Slot:
    """One process's part of the board, or a private one for a process without a supervisor.

    Args:
        memory: the bytes that it is; None for memory of its own.
    """

    def __init__(self, memory: memoryview | None = None) -> None:
        memory = memoryview(bytearray(_SLOT)) if memory is None else memory
        self.fields = memory[:_FIELDS].cast("Q")
        self._journal = memory[_FIELDS : _FIELDS + _JOURNAL]
        self._report = memory[_FIELDS + _JOURNAL : _SLOT]

    def clear(self) -> None:
        """Forget the process that had it."""
        for index in range(len(self.fields)):
            self.fields[index] = 0

    @property
    def in_progress(self) -> bytes | None:
        """The request that is being answered, cut off if it is long; None between two."""
        number = self.fields[ATTEMPT]
        if not number:
            return None
        requests = bytes(self._journal[: self.fields[_JOURNALED]]).split(_SEPARATOR)
        index = number - self.fields[_FIRST]
        return requests[index] if index < len(requests) else b""

    def journal(self, first: int, requests: list[bytes], most: int) -> None:
        """Note the requests that are answered next, so that a post-mortem can name one.

        Args:
            first: the number of the first one.
            requests: what waits.
            most: how many of them are answered at most before the next note.
        """
        text = requests[0] if len(requests) == 1 else _SEPARATOR.join(requests[:most])
        if len(text) > _JOURNAL:
            text = text[:_JOURNAL]
        length = len(text)
        self._journal[:length] = text
        self.fields[_JOURNALED] = length
        self.fields[_FIRST] = first

    def publish(self, report: bytes) -> None:
        """Replace the report; one that does not fit leaves the old one."""
        if len(report) > _REPORT:
            return
        self.fields[_EDITION] += 1  # odd while it is written
        self._report[: len(report)] = report
        self.fields[_REPORTED] = len(report)
        self.fields[_ANSWERED_AT_REPORT] = self.fields[_ANSWERED]
        self.fields[_EDITION] += 1

    @property
    def unreported(self) -> int:
        """How many requests have come to be answered since the last report."""
        answered = max(self.fields[_ANSWERED], self.fields[ATTEMPT])
        return answered - self.fields[_ANSWERED_AT_REPORT]

    def report(self) -> bytes:
        """Read the report; empty where there is none, or none that is whole."""
        for _ in range(100):
            edition = self.fields[_EDITION]
            text = bytes(self._report[: self.fields[_REPORTED]])
            if edition % 2 == 0 and edition == self.fields[_EDITION]:
                return text
        return b""


class RequestMarker:
    """What a process of the daemon writes on the board while it answers.

    Args:
        slot: where.
    """

    __slots__ = ("fields", "forked", "number", "sample_at", "slot")

    def __init__(self, slot: Slot) -> None:
        self.slot = slot
        self.fields = slot.fields
        self.number = 0
        """how many requests have been answered"""
        self.sample_at = 0.0
        """when the next attempt is to be timed plugin by plugin, by the monotonic clock"""
        self.forked = False
        """whether this is the child of a hook that has called fork"""

    def end(self, number: int) -> None:
        """Note that nothing is being answered any more.

        Args:
            number: the last request that has been answered.
        """
        if self.forked:
            os._exit(0)
        self.number = number
        self.fields[_ANSWERED] = number
        self.fields[ATTEMPT] = 0


class Scoreboard:
    """All slots, in memory that forked children share.

    Args:
        children: how many there can be at once.
    """

    def __init__(self, children: int) -> None:
        self._memory = memoryview(mmap.mmap(-1, _SLOT * (children + 1)))
        self.own = self._slot(0)
        """the supervisor's"""
        self.slots = tuple(self._slot(1 + index) for index in range(children))
        """the children's, taken or not"""
        self._free = list(reversed(self.slots))

    def _slot(self, index: int) -> Slot:
        return Slot(self._memory[_SLOT * index : _SLOT * (index + 1)])

    @property
    def full(self) -> bool:
        """Whether there is no slot for another child."""
        return not self._free

    def acquire(self) -> Slot:
        """Give a slot to a child that will be forked."""
        slot = self._free.pop()
        slot.clear()
        return slot

    def release(self, slot: Slot) -> None:
        """Take back the slot of a child that has gone."""
        slot.clear()
        self._free.append(slot)

    def reports(self) -> Iterator[bytes]:
        """Read what every child has published."""
        for slot in self.slots:
            report = slot.report()
            if report:
                yield report
