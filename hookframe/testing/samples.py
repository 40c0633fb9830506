"""Attempts for tests: one that is always the same, and generated ones that are not."""

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
    """Make a complete, realistic attempt, the same each time but for what you say.

    Args:
        **overrides: keys of the attempt with the values that they shall have.

    Returns:
        A dict of your own with the nine keys of an attempt.

    Raises:
        TypeError: a name is no key of an attempt. A key that your MTA sends beside the nine can be
            added to what this returns.
    """
    for key in overrides:
        if key not in ATTEMPT_TYPES:
            raise TypeError(
                f"an attempt has no key {key!r}{did_you_mean(key, ATTEMPT_TYPES)}; it has "
                f"{', '.join(ATTEMPT_TYPES)}. A further key, as an MTA may send it, you add: "
                f"{{**make_attempt(), {key!r}: ...}}"
            )
    return cast("Attempt", {**ATTEMPT, **overrides})


def attempts() -> SearchStrategy[Attempt]:
    """Generate attempts with hypothesis: realistic ones, and all that an MTA may hand over.

    There are bounces, with the null sender; internationalised and quoted addresses, literals of
    hosts, addresses of 254 characters and of many more; such as have no `@`, or several; control
    characters, bytes that are not UTF-8 (as surrogate escapes, PEP 383); times before 1970 and far
    from now; keys beside the nine. A failing example shrinks towards `make_attempt()`.

    Returns:
        A strategy; each of its attempts is a dict that `Host.decide` takes.

    Raises:
        ModuleNotFoundError: hypothesis is not installed; the text says how to install it.
    """
    from hookframe.testing.strategies import ATTEMPTS  # noqa: PLC0415  (needs hypothesis)

    return ATTEMPTS
