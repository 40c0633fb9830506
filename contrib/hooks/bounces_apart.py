"""Send bounces and other automatic answers by a VirtualMTA of their own.

Why: bounces go to senders that are often forged. The complaints about them, and the traps that they
    hit, should not cost the reputation of the mail that earns your living.
Does: sends what has the null sender by another VirtualMTA.
Reads: `sender`; no file.
Costs: one comparison an attempt.
Edit: `APART`.
"""

APART = "bounce-pool"
"""the VirtualMTA for messages with the null sender"""

hookframe_pure = True


def pre_delivery_attempt(attempt):
    if attempt["sender"]:
        return None
    return {"action": "new_mtaid", "new_mtaid": APART, "reason": "null sender"}
