"""At most so much in a second: what is over the limit costs next to nothing, and is counted."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from time import monotonic
from typing import Final

_SECOND: Final = 1.0

LeftOut = Callable[[str, int, int], None]
"""Takes a plugin's name, how many of its lines were left out, and how many it may print."""


class OncePerSecond:
    """Says whether a second has passed, before anything is formatted."""

    def __init__(self) -> None:
        self._next = 0.0

    def due(self) -> bool:
        """Say whether it is time again, and if so start the next second."""
        now = monotonic()
        if now < self._next:
            return False
        self._next = now + _SECOND
        return True


class _Account:
    """What one plugin has printed in the second that runs."""

    __slots__ = ("left_out", "lines", "over")

    def __init__(self) -> None:
        self.over = 0.0
        """when its second is over"""
        self.lines = 0
        self.left_out = 0


class LineLimit:
    """Limits how many lines a second each plugin prints (`limits.output_lines`).

    A plugin's second begins with its first line after the last one was over.

    Args:
        say: takes what was left out, at most once a second for each plugin.
        lines: how many lines a plugin may print in a second; None for no limit. It may be set at
            any time.
    """

    def __init__(self, say: LeftOut, lines: int | None = None) -> None:
        self.lines = lines
        self._say = say
        self._accounts: dict[str, _Account] = {}
        self._tell_at = inf
        """when the first second is over in which something was left out"""

    def full(self, plugin: str) -> bool:
        """Say whether a plugin may print no more in this second."""
        account = self._accounts.get(plugin)
        return (
            account is not None
            and self.lines is not None
            and account.lines >= self.lines
            and monotonic() < account.over
        )

    def over(self, plugin: str) -> float:
        """Say when a plugin may print again that may not now, by the monotonic clock."""
        return self._accounts[plugin].over

    def admits(self, plugin: str) -> bool:
        """Count a line of a plugin, and say whether it may be printed.

        What was left out in an earlier second is said first.
        """
        if self.lines is None:
            return True
        account = self._accounts.get(plugin)
        if account is None:
            account = self._accounts[plugin] = _Account()
        now = monotonic()
        if now >= account.over:
            self._tell(plugin, account)
            account.over, account.lines = now + _SECOND, 0
        if account.lines >= self.lines:
            return False
        account.lines += 1
        return True

    def leave_out(self, plugin: str, lines: int) -> None:
        """Count lines that a plugin has printed beyond its limit."""
        account = self._accounts[plugin]
        account.left_out += lines
        self._tell_at = min(self._tell_at, account.over)

    def tell(self, *, all_of_it: bool = False) -> bool:
        """Say what was left out, of each plugin whose second is over.

        Args:
            all_of_it: whether to say it at once, as somebody does who stops.

        Returns:
            Whether something is still to be said.
        """
        now = monotonic()
        if now < self._tell_at and not all_of_it:
            return self._tell_at != inf
        for plugin, account in list(self._accounts.items()):
            if account.left_out and (all_of_it or now >= account.over):
                self._tell(plugin, account)
        later = [account.over for account in self._accounts.values() if account.left_out]
        self._tell_at = min(later, default=inf)
        return bool(later)

    def _tell(self, plugin: str, account: _Account) -> None:
        left_out, account.left_out = account.left_out, 0
        if left_out:
            self._say(plugin, left_out, self.lines or 0)
