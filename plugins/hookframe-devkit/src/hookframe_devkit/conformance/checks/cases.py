"""The cases of a check: attempts, each with the votes of earlier plugins."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, cast

from hookframe.api.decision import NORMAL, TEMPFAIL
from hookframe.chain.fold import fold
from hookframe.testing.samples import make_attempt
from hookframe_devkit.strategies import attempts

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from hookframe.api.decision import Decision

EXAMPLES: Final = 2000
"""The default number of generated cases."""
_DOMAIN: Final = {"deliver_as_if_to_domain": "elsewhere.example"}
_MTAID: Final = {"new_mtaid": "mta2"}
_SENDER: Final = {"new_sender": "bounces+1@example.com"}
_NULL_SENDER: Final = {"new_sender": ""}


def _vote(action: str, **keys: str) -> Mapping[str, str]:
    return MappingProxyType({"action": action, **keys})


Votes = tuple[Mapping[str, str], ...]
"""The returns of the plugins before the checked one, in order."""

_ROUTED: Final = _vote("normal", **_DOMAIN)
VOTES: Final[tuple[Votes, ...]] = (
    (),
    (_ROUTED,),
    (_vote("pause"),),
    (_vote("pause", message="On hold"),),
    (_vote("pause", message=""),),
    (_vote("pause", message="é" * 500),),
    (_vote("dump"),),
    (_vote("dump", message="Not today"),),
    (_vote("new_mtaid", **_MTAID),),
    (_vote("new_mtaid", **_MTAID, **_DOMAIN),),
    (_vote("new_config", **_SENDER),),
    (_vote("new_config", **_NULL_SENDER),),
    (_vote("new_config", **_MTAID, **_SENDER),),
    (_ROUTED, _vote("new_config", **_SENDER)),
    (_ROUTED, _vote("new_config", **_NULL_SENDER)),
    (_ROUTED, _vote("new_config", **_MTAID, **_SENDER)),
)
"""One for each form of an accumulated decision."""
FAILED: Final[Votes] = (_vote("fails"),)
"""A plugin before it raises an exception: a wrapper then gets a temporary failure."""


@dataclass(frozen=True, slots=True)
class Case:
    """One call of the plugin.

    Args:
        attempt: the attempt.
        votes: the returns of the plugins before it.
    """

    attempt: Mapping[str, Any]
    votes: Votes = ()

    @property
    def decision(self) -> Decision:
        """The accumulated decision."""
        return accumulated(self.votes)

    @property
    def is_first(self) -> bool:
        """Whether no plugin before it has decided."""
        return not self.votes


def differences(attempt: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keys of an attempt that differ from the usual one."""
    usual: dict[str, Any] = dict(make_attempt())
    return {key: each for key, each in attempt.items() if key not in usual or usual[key] != each}


def accumulated(votes: Votes) -> Decision:
    """Fold votes into a decision, as a chain does."""
    if votes is FAILED:
        return TEMPFAIL
    decision = NORMAL
    for vote in votes:
        decision = fold(decision, cast("Decision", dict(vote)))
    return cast("Decision", MappingProxyType(dict(decision)))


def votes_for(decision: Mapping[str, Any]) -> Votes:
    """Return the votes that add up to the decision of a case."""
    return next(votes for votes in (*VOTES, FAILED) if dict(accumulated(votes)) == dict(decision))


_LABEL: Final = "d" * 59
_LONGEST: Final = f"{'l' * 64}@{_LABEL}.{_LABEL}.{_LABEL}.example.a"
"""254 characters, the most that fit into a path of RFC 5321 4.5.3.1.3."""
_AWKWARD: Final[tuple[Mapping[str, Any], ...]] = (
    {},
    {"sender": ""},
    {"recipient": ""},
    {"listid": ""},
    {"sendid": ""},
    {"is_first_attempt": False},
    {"mtaid_exists": False},
    {"sender": "", "sendid": "", "listid": ""},
    {"recipient": "@"},
    {"recipient": "postmaster", "sender": "root"},
    {"recipient": '"a@b c\\"%s{0}$\';--<]>"@example.net'},
    {"sender": "o'brien+tag=x!y%z#1@example.com"},
    {"recipient": "a@b@c.example"},
    {"recipient": "jörg.müller@bücher.example", "sender": "用户@例子.example"},
    {"recipient": "İ@EXAMPLE.İ", "sender": "ß@ß.example"},
    {"recipient": "j\udcf6rg@example.net", "sender": "\udcff@example.net", "listid": "\udc80"},
    {"recipient": _LONGEST},
    {"sender": _LONGEST},
    {"recipient": "a@[IPv6:2001:db8::1]", "sender": "a@[192.0.2.1]"},
    {"recipient": "a\r\nb@example.net\0", "sender": "\x1b[31m@example.net", "sendid": "a\nb"},
    {"mtaid": "", "sendid": "", "listid": "", "msguid": "", "sender": "", "recipient": ""},
    {"mtaid": "gone", "is_first_attempt": False, "mtaid_exists": False},
    {"injtime": 0},
    {"injtime": -1},
    {"injtime": 1 << 62},
)
_FURTHER: Final[Mapping[str, Any]] = {
    "size": 1234,
    "headers": {"X-Tags": ["a", "b"], "nested": {"list": [[1], {}]}},
    "": None,
}


def fixed_attempts() -> list[dict[str, Any]]:
    """Make the attempts that every check tries."""
    usual = dict(make_attempt())
    return [*({**usual, **each} for each in _AWKWARD), {**usual, **_FURTHER}]


def fixed_cases(*, wrapper: bool) -> Iterator[Case]:
    """Make every fixed attempt with every accumulated decision, the simplest first.

    Args:
        wrapper: whether the plugin is a wrapper.
    """
    made = fixed_attempts()
    for votes in _all_votes(wrapper=wrapper):
        yield from (Case(attempt, votes) for attempt in made)


def generated_cases(*, wrapper: bool) -> SearchStrategy[Case]:
    """Generate attempts with accumulated decisions; they shrink to the usual attempt alone.

    Args:
        wrapper: whether the plugin is a wrapper.
    """
    from hypothesis import strategies as st  # noqa: PLC0415  (an extra)

    return st.builds(Case, attempts(), st.sampled_from(_all_votes(wrapper=wrapper)))


def _all_votes(*, wrapper: bool) -> tuple[Votes, ...]:
    return (*VOTES, FAILED) if wrapper else VOTES


def count_of_decisions(*, wrapper: bool) -> int:
    """Return the number of accumulated decisions."""
    return len(_all_votes(wrapper=wrapper))
