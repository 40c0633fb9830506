"""Send second and later attempts by another VirtualMTA.

Why: a message that was deferred is slow mail. By another VirtualMTA it does not stand in the way of
    fresh mail, nor spend the good addresses on destinations that complain.
Does: sends the messages of the VirtualMTAs in a table by the one that stands there, on every
    attempt but the first.
Reads: `is_first_attempt`, `mtaid`; no file.
Costs: one look-up in a table an attempt.
Edit: `SLOW_LANE`.
Mind: greylisting lets the second attempt through only from the address, or its neighbours, that
    made the first. Give both VirtualMTAs addresses of one network.
"""

SLOW_LANE = {
    "fast-pool": "slow-pool",
}
"""the VirtualMTA of later attempts by the VirtualMTA of the message"""

hookframe_pure = True


def pre_delivery_attempt(attempt):
    if attempt["is_first_attempt"]:
        return None
    slower = SLOW_LANE.get(attempt["mtaid"])
    if slower is None:
        return None
    return {"action": "new_mtaid", "new_mtaid": slower, "reason": "not its first attempt"}
