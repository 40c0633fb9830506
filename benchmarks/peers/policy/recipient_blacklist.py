"""GreenArrow's example "Email Address Blacklist" as a plugin."""

from pathlib import Path
from time import time

from hookframe import hookimpl

_list = Path()


@hookimpl
def configure(settings):
    """Take the path of the list."""
    global _list  # noqa: PLW0603
    _list = Path(settings["list"])


@hookimpl
def pre_delivery_attempt(attempt, state):
    """Refuse recipients that stand in a list, which is read again every three seconds."""
    if abs(state.get("last_read_time", 0) - time()) > 3:
        lines = _list.read_text(encoding="utf-8").splitlines()
        state["recipient_blacklist"] = {line.strip().lower() for line in lines}
        state["last_read_time"] = time()
    if attempt["recipient"].lower() in state["recipient_blacklist"]:
        return {
            "action": "dump",
            "message": "This address is on an internal blacklist. (#5.7.1)",
        }
    return None
