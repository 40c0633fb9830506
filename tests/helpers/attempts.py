"""An attempt as an MTA sends it, and the decision that stands for every error."""

from __future__ import annotations

from hookframe.testing import make_attempt

ATTEMPT = make_attempt(
    mtaid="bulk",
    sendid="news170101",
    listid="readers",
    sender="bounce@sender.example",
    recipient="jane@remote.example",
)
NORMAL = {"action": "normal"}
MESSAGE = "Error in pre_delivery_attempt_hook (see logfile)"
TEMPFAIL = {"action": "pause", "message": MESSAGE, "error": True}


def attempt(**changes):
    """Make an attempt that differs from the usual one; it may have more than the nine keys."""
    return {**ATTEMPT, **changes}
