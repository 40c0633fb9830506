"""The usual attempt of tests, and variants of it."""

from __future__ import annotations

from typing import Any, Final, cast

from hookframe._text import did_you_mean
from hookframe.api.attempt import ATTEMPT_TYPES, Attempt

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
