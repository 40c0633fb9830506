"""Send one campaign by another VirtualMTA, after it was injected, and say so in the log."""

import sys

MOVED = {"trans170101": "smtp1-3"}
"""the VirtualMTA by SendID"""


def pre_delivery_attempt(attempt):
    virtual_mta = MOVED.get(attempt["sendid"])
    if virtual_mta is None:
        return None
    print(f"SendID {attempt['sendid']} leaves by {virtual_mta}", file=sys.stderr)
    return {"action": "new_mtaid", "new_mtaid": virtual_mta}
