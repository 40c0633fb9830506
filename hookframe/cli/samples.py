"""Sample attempts: the defaults of `decide`, and the attempts that `check` tries."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

SAMPLE: Final[Mapping[str, Any]] = MappingProxyType(
    {
        "mtaid": "mta1",
        "sendid": "newsletter",
        "listid": "customers",
        "msguid": "sample-1",
        "sender": "bounces@example.com",
        "recipient": "someone@example.net",
        "is_first_attempt": True,
        "mtaid_exists": True,
    }
)
"""The default values of an attempt; its injection time is now."""

_LONG_DOMAIN: Final = ".".join(("d" * 59, "d" * 59, "d" * 59, "example"))
LONGEST_ADDRESS: Final = f"{'l' * 64}@{_LONG_DOMAIN}.a"
"""An address of 254 characters, the most that fit into a path of RFC 5321 4.5.3.1.3."""

_CHECKED: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "an ordinary attempt": {},
        "a bounce, with an empty sender": {"sender": "", "sendid": "", "listid": ""},
        "a quoted address with special characters": {
            "recipient": '"a b\\"%s{0}$\';--<]>"@example.net',
            "sender": "o'brien+tag=x!y%z#1@example.com",
        },
        "an internationalised address (SMTPUTF8)": {
            "recipient": "jörg.müller@bücher.example",
            "sender": "用户@例子.example",
        },
        "an address with a byte that is not UTF-8": {"recipient": "j\udcf6rg@example.net"},
        "an address of 254 characters": {
            "recipient": LONGEST_ADDRESS,
            "sender": LONGEST_ADDRESS,
        },
        "a later attempt, whose VirtualMTA was not found": {
            "is_first_attempt": False,
            "mtaid_exists": False,
            "mtaid": "gone",
        },
    }
)


def make_sample_attempt() -> dict[str, Any]:
    """Make an ordinary attempt of a message that was injected now."""
    return {**SAMPLE, "injtime": int(time.time())}


def make_check_attempts() -> list[tuple[str, dict[str, Any]]]:
    """Make the attempts that a policy must survive, each with its description."""
    return [
        (name, {**make_sample_attempt(), "msguid": f"check-{number}", **special})
        for number, (name, special) in enumerate(_CHECKED.items(), start=1)
    ]
