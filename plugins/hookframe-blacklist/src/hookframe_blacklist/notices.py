"""What is wrong with lists that are used all the same: logged when new, and again."""

from __future__ import annotations

from time import localtime, monotonic, strftime, time
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from hookframe_blacklist.listfile import ListPath

_KEPT_EVERY: Final = 60.0
"""Seconds between two log lines about one list that the last good one stands in for."""
_LEFT_OUT_EVERY: Final = 3600.0
"""The same of a list with lines that are left out."""


class Notice(NamedTuple):
    """What is wrong with one list."""

    problem: str
    """what is wrong with it"""
    since: float | None = None
    """since when, in UNIX seconds, the last good list stands in for it; None if it is in use"""

    def __str__(self) -> str:
        if self.since is None:
            return self.problem
        return (
            f"{self.problem}. The last good list goes on: since {show_time(self.since)}, "
            f"{_show_age(time() - self.since)} ago"
        )


class Notices:
    """The notices of all lists."""

    def __init__(self) -> None:
        self.now: Mapping[ListPath, Notice] = {}
        """what is wrong with each list that is used all the same"""
        self._next: dict[ListPath, float] = {}

    def tell(self, now: Mapping[ListPath, Notice], unusable: Collection[ListPath]) -> None:
        """Take what a look has found, and log what is new, or due again.

        Args:
            now: what is wrong with each list that is used all the same.
            unusable: the lists that are not used: each attempt says why.
        """
        before, self.now = self.now, now
        for where, notice in now.items():
            if before.get(where) != notice or monotonic() >= self._next[where]:
                every = _LEFT_OUT_EVERY if notice.since is None else _KEPT_EVERY
                self._next[where] = monotonic() + every
                _log(str(notice), is_warning=True)
        for where in before.keys() - now.keys() - set(unusable):
            _log(f"{where.path} is right again, and in use", is_warning=False)


def show_time(when: float) -> str:
    """Format UNIX seconds as local time."""
    return strftime("%Y-%m-%d %H:%M:%S %z", localtime(when))


def _show_age(seconds: float) -> str:
    minutes = max(0, int(seconds // 60))
    return f"{minutes // 60} h {minutes % 60} min"


def _log(text: str, *, is_warning: bool) -> None:
    import logging  # noqa: PLC0415  (rare, and slow to import)

    logger = logging.getLogger("hookframe_blacklist")
    (logger.warning if is_warning else logger.info)("%s", text)
