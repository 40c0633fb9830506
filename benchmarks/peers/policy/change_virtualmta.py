"""GreenArrow's example "Change VirtualMTA" as a plugin."""

import sys

from hookframe import hookimpl


@hookimpl
def pre_delivery_attempt(attempt):
    """Send one campaign by another VirtualMTA."""
    if attempt["sendid"] == "trans170101":
        print("pre_delivery_attempt_hook: matched!", file=sys.stderr)
        return {"action": "new_mtaid", "new_mtaid": "smtp1-3"}
    return None
