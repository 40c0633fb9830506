"""An attempt from `KEY=VALUE` arguments."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from typing import Any, Final

import click

from hookframe.api.attempt import ATTEMPT_TYPES, BOOLEANS
from hookframe.cli.samples import make_sample_attempt

_NUMBER: Final = re.compile(r"-?[0-9]{1,18}")
_CLOSE: Final = 0.82
"""How similar a misspelling must be to a known key (difflib's ratio): `senderid` is one,
`sender_ip` and `header_list_id` are further keys."""


def build_attempt(pairs: Sequence[str]) -> dict[str, Any]:
    """Build an attempt from arguments.

    Args:
        pairs: each `KEY=VALUE`; missing keys get their sample values.

    Raises:
        click.UsageError: an argument is invalid; the text says why.
    """
    given: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        if not (equals and key):
            raise click.UsageError(
                f"{pair!a} is not KEY=VALUE; write, for example, recipient=bob@example.com"
            )
        if key in given:
            raise click.UsageError(f"{key} is given more than once.")
        given[key] = _convert(key, text)
    return {**make_sample_attempt(), **given}


def _convert(key: str, text: str) -> Any:
    kind = ATTEMPT_TYPES.get(key)
    if kind is None:
        _reject_misspelling(key)
        return text
    if kind is int:
        if _NUMBER.fullmatch(text) is None:
            raise click.UsageError(
                f"{key} must be a number, the UNIX seconds of the injection, not {text!a}"
            )
        return int(text)
    if kind is bool:
        if text.lower() not in BOOLEANS:
            raise click.UsageError(f"{key} must be true or false (or 1 or 0), not {text!a}")
        return BOOLEANS[text.lower()]
    return text


def _reject_misspelling(key: str) -> None:
    """Reject an unknown key that is similar to a known one."""
    close = get_close_matches(key.lower(), ATTEMPT_TYPES, n=1, cutoff=_CLOSE)
    if close:
        raise click.UsageError(
            f"unknown key {key!a}: did you mean {close[0]}? "
            f"An attempt has {', '.join(ATTEMPT_TYPES)}; other keys may follow."
        )
