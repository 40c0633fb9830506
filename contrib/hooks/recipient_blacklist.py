"""Refuse recipients that stand in a list, one address a line.

The list is read again every three seconds, so an edit of it needs no reload of this file. A list
that can't be read is an error, and the attempt temp-fails: better late than against the policy.
"""

from pathlib import Path
from time import monotonic

LIST = Path("/etc/hookframe/recipient_blacklist.txt")
SECONDS = 3
REFUSED = {"action": "dump", "message": "This address is on an internal blacklist. (#5.7.1)"}


def configure(settings):
    """Take another list from `[plugins.file.settings]`, where there is one."""
    global LIST  # noqa: PLW0603
    LIST = Path(settings.pop("list", LIST))
    if settings:
        raise ValueError(f"unknown settings: {', '.join(settings)}; known: list")


def listed():
    """Read the addresses, in lower case and without the white space around them."""
    lines = LIST.read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    return {address for line in lines if (address := line.strip().lower())}


def pre_delivery_attempt(attempt, state):
    if monotonic() >= state.get("read again", 0):
        state["blacklist"] = listed()
        state["read again"] = monotonic() + SECONDS
    return REFUSED if attempt["recipient"].lower() in state["blacklist"] else None
