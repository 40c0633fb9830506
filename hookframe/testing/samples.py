"""Attempts for tests: the usual one, and generated ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

from hookframe._text import did_you_mean
from hookframe.api.attempt import ATTEMPT_TYPES, Attempt

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

ATTEMPT: Final[Attempt] = {
    "mtaid": "mta1",
    "sendid": "newsletter",
    "listid": "customers",
    "msguid": "1483391740.41125123",
    "injtime": 1483391740,
    "sender": "bounces@example.com",
    "recipient": "someone@example.net",
    "is_first_attempt": True,
    "mtaid_exists": True,
}
"""The usual attempt: its message was injected on 2 January 2017 at 21:15:40 UTC."""


def make_attempt(**overrides: Any) -> Attempt:
    """Make a complete, realistic attempt, always the same except for the given keys.

    Args:
        **overrides: keys of the attempt to set.

    Returns:
        A new dict with the nine keys of an attempt.

    Raises:
        TypeError: an attempt has no such key. Add a further key of your MTA to the returned dict.
    """
    for key in overrides:
        if key not in ATTEMPT_TYPES:
            raise TypeError(
                f"an attempt has no key {key!r}{did_you_mean(key, ATTEMPT_TYPES)}; it has "
                f"{', '.join(ATTEMPT_TYPES)}. To add a further key, as an MTA may send it, write "
                f"{{**make_attempt(), {key!r}: ...}}"
            )
    return cast("Attempt", {**ATTEMPT, **overrides})


def attempts() -> SearchStrategy[Attempt]:
    """Generate attempts with hypothesis: realistic ones, and everything an MTA may send.

    There are bounces, with the null sender; internationalised and quoted addresses, address
    literals, addresses of 254 characters and longer, without `@` or with several; control
    characters; bytes that are not UTF-8 (as surrogate escapes, PEP 383); times before 1970 and far
    in the future; further keys. A failing example shrinks towards `make_attempt()`.

    Returns:
        A strategy of dicts that `Host.decide` takes.

    Raises:
        ModuleNotFoundError: hypothesis is not installed; the text says how to install it.
    """
    from hookframe.testing.strategies import ATTEMPTS  # noqa: PLC0415  (needs hypothesis)

    return ATTEMPTS
