"""Send by another VirtualMTA, or hold back, what names a VirtualMTA that does not exist.

Why: a campaign was injected with a VirtualMTA that was mistyped, or has been taken away since.
Does: sends a message whose VirtualMTA the MTA has not found by the one that stands in a table, or
    defers it if there is none, until you have looked.
Reads: `mtaid_exists`, `mtaid`; no file.
Costs: one look at the attempt, and one look-up in a table where a VirtualMTA is missing.
Edit: `INSTEAD`.
Mind: the message of the deferral does not name the VirtualMTA. The MTA's own log does.
"""

INSTEAD = {
    "pool-a1": "pool-a",
}
"""the VirtualMTA to use by the one that is missing"""

hookframe_pure = True


def pre_delivery_attempt(attempt):
    if attempt["mtaid_exists"]:
        return None
    instead = INSTEAD.get(attempt["mtaid"])
    if instead is None:
        return {"action": "pause", "message": "Its VirtualMTA does not exist"}
    reason = f"{attempt['mtaid']} does not exist"
    return {"action": "new_mtaid", "new_mtaid": instead, "reason": reason}
