"""The file descriptors that the daemon itself needs, and that a plugin may close by mistake.

A number that is closed twice is somebody else's at the second time. Here it would be a client's,
whose answers then go to the next client that gets the number.
"""

from __future__ import annotations

import os
from collections.abc import Iterable

from hookframe.descriptors import identity_of


def open_numbers() -> set[int]:
    """Give the numbers of all descriptors that are open."""
    listed = (int(name) for name in os.listdir("/proc/self/fd"))  # noqa: PTH208  (numbers only)
    return {number for number in listed if identity_of(number) is not None}  # one was listdir's


class Holdings:
    """The numbers of open descriptors, and whose they are.

    Args:
        numbers: those that the daemon has opened for itself.
    """

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        self._own = {number: identity_of(number) for number in numbers}
        self._lent: set[int] = set()

    def lend(self, number: int) -> bool:
        """Take note of a client's descriptor.

        Args:
            number: what the system has just given.

        Returns:
            Whether it was free, as far as the daemon knows.
        """
        if number in self._own or number in self._lent:
            return False
        self._lent.add(number)
        return True

    def take_back(self, number: int) -> None:
        """Take note that a client's descriptor is about to be closed."""
        self._lent.discard(number)

    def stolen(self) -> list[int]:
        """Give the daemon's own numbers that are closed, or lead elsewhere."""
        return [number for number, was in self._own.items() if identity_of(number) != was]

    def confirm(self) -> None:
        """Forget what was open for a moment only, as a file that is read in another thread."""
        for number in self.stolen():
            del self._own[number]

    def let_go(self) -> None:
        """Forget the daemon's own numbers: it closes them itself from now on."""
        self._own.clear()
