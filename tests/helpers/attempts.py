"""An attempt as an MTA sends it, and the decision that stands for every error."""

from __future__ import annotations

ATTEMPT = {
    "mtaid": "bulk",
    "sendid": "news170101",
    "listid": "readers",
    "msguid": "1483391740.41125123",
    "injtime": 1483391740,
    "sender": "bounce@sender.example",
    "recipient": "jane@remote.example",
    "is_first_attempt": True,
    "mtaid_exists": True,
}
NORMAL = {"action": "normal"}
MESSAGE = "Error in pre_delivery_attempt_hook (see logfile)"
TEMPFAIL = {"action": "pause", "message": MESSAGE, "error": True}


def an_attempt(**changes):
    """Make an attempt that differs from the usual one."""
    return {**ATTEMPT, **changes}
