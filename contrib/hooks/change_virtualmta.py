"""Send one campaign by another VirtualMTA, after it was injected, and say so in the log.

Why: a campaign is in the queue already, and it was injected with the wrong VirtualMTA.
Does: sends the messages of the SendIDs in a table by the VirtualMTA that stands there.
Reads: `sendid`; no file.
Costs: one look-up in a table an attempt, and a line in the log for each that is moved.
Edit: `MOVED`.
"""

import sys

MOVED = {"trans170101": "smtp1-3"}
"""the VirtualMTA by SendID"""

hookframe_pure = True


def pre_delivery_attempt(attempt):
    virtual_mta = MOVED.get(attempt["sendid"])
    if virtual_mta is None:
        return None
    print(f"SendID {attempt['sendid']} leaves by {virtual_mta}", file=sys.stderr)
    return {"action": "new_mtaid", "new_mtaid": virtual_mta}
