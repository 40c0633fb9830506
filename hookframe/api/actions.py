"""Decisions built by a call, for typed code: each is a plain dict that the schema accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from hookframe.api.decision import Dump, NewMtaid, Pause


def dump(message: str | None = None, *, reason: str | None = None) -> Dump:
    """Return the decision to remove the recipient from the queue: a bounce.

    Args:
        message: the text of the bounce, at most 500 characters on one line.
        reason: why, for the trace and the log; no mail server sees it.
    """
    return cast("Dump", _build("dump", message=message, reason=reason))


def pause(message: str | None = None, *, reason: str | None = None) -> Pause:
    """Return the decision to defer the attempt; arguments as for `dump`."""
    return cast("Pause", _build("pause", message=message, reason=reason))


def use_mtaid(
    mtaid: str | int, *, deliver_as_if_to_domain: str | None = None, reason: str | None = None
) -> NewMtaid:
    """Return the decision to use another VirtualMTA.

    Args:
        mtaid: its name, or its number.
        deliver_as_if_to_domain: the domain whose mail servers are used; None for the recipient's.
        reason: why, for the trace and the log; no mail server sees it.
    """
    keys = {"new_mtaid": mtaid, "deliver_as_if_to_domain": deliver_as_if_to_domain}
    return cast("NewMtaid", _build("new_mtaid", **keys, reason=reason))


def _build(action: str, **keys: str | int | None) -> dict[str, str | int]:
    """Build a decision of the keys that are set."""
    return {"action": action} | {key: value for key, value in keys.items() if value is not None}
