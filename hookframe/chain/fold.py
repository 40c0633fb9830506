"""What one plugin votes: checked, counted, and added to the accumulated decision."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

from hookframe.api.decision import NORMAL, fold
from hookframe.api.events import ShadowVote
from hookframe.chain.stats import Count

if TYPE_CHECKING:
    from hookframe.api.decision import Decision
    from hookframe.chain.member import Member, Run

_REPEATABLE: Final = 2
"""A vote of more keys than these is checked each time."""


class VoteCache:
    """Adds up the votes of one plugin, most of which are the same one again.

    A plugin returns a new dict each time, but the strings in it are mostly the very objects that
    stand in its code. Strings can't change, as a dict could that was checked earlier. So what came
    of the last vote is kept with its strings; a vote of the same ones, added to the same sum,
    comes to the same. They are compared by identity, which runs no code of a plugin.

    Args:
        step: the plugin with its policy.
        run: what goes on beside the decision.
    """

    __slots__ = (
        "_action",
        "_after",
        "_before",
        "_count",
        "_key",
        "_run",
        "_size",
        "_text",
        "member",
    )

    def __init__(self, member: Member, run: Run) -> None:
        self.member = member
        self._run = run
        self._before: Decision | None = None
        self._after: Decision = NORMAL
        self._count = Count()
        self._size = 0
        self._action = self._key = self._text = ""

    def add(self, vote: Any, before: Decision) -> Decision:
        """Check a vote, count it, and add it to what earlier plugins have decided.

        Args:
            vote: what the plugin returned, but None.
            before: the sum so far, read-only.

        Returns:
            The new sum, read-only; the same object where nothing changed.

        Raises:
            InvalidDecision: the plugin may not return that.
        """
        try:
            if (
                before is self._before
                and type(vote) is dict
                and len(vote) == self._size
                and vote["action"] is self._action
                and vote[self._key] is self._text
            ):
                self._count.number += 1
                return self._after
        except KeyError:
            pass
        return self._add(vote, before)

    def _add(self, vote: Any, before: Decision) -> Decision:
        member = self.member
        checked = member.check(vote)
        count = self._run.statistics.get_vote_count(member.plugin.name, checked["action"])
        count.number += 1
        if member.policy.shadow:
            if len(checked) > 1 or checked["action"] != "normal":
                self._run.events.append(ShadowVote(member.plugin.origin, checked))
            return before
        after = fold(before, checked)
        if after is not before:
            after = cast("Decision", MappingProxyType(after))
        if type(vote) is dict and len(vote) == len(checked) <= _REPEATABLE:
            self._keep(vote, checked, before, after, count)
        return after

    def _keep(
        self,
        vote: dict[str, Any],
        checked: Decision,
        before: Decision,
        after: Decision,
        count: Count,
    ) -> None:
        """Keep what came of a vote, unless it holds what is no plain string."""
        *_, key = checked
        action, text = vote["action"], vote[key]
        if type(action) is type(text) is str:
            self._size, self._action, self._key, self._text = len(checked), action, key, text
            self._before, self._after, self._count = before, after, count
