"""Crashes while a policy is loaded, counted by the supervisor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from hookframe.daemon.scoreboard import DEADLY, SUSPECT, TRYING

if TYPE_CHECKING:
    from hookframe.daemon.scoreboard import Slot

_CERTAIN: Final = 2
"""The number of crashes after which a policy is refused."""


class LoadCrashes:
    """The supervisor's side: counts the crashes of each policy.

    Args:
        slot: the supervisor's slot, which the children read.
    """

    def __init__(self, slot: Slot) -> None:
        self._fields = slot.fields
        self._deaths = 0

    def record_death(self, slot: Slot, *, certain: bool = False) -> None:
        """Record the death of a child.

        Args:
            slot: the child's slot.
            certain: whether it is killed because loading does not end.
        """
        policy = slot.fields[TRYING]
        of_an_attempt = slot.in_progress is not None and not certain
        if not policy or of_an_attempt:
            return
        self._deaths = self._deaths + 1 if policy == self._fields[SUSPECT] else 1
        self._fields[SUSPECT] = policy
        if certain or self._deaths >= _CERTAIN:
            self._fields[DEADLY] = policy
