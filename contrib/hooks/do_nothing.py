"""Change nothing: the simplest hook there is.

Why: you want to see hookframe answer before you give it a policy.
Does: leaves every attempt as it is.
Reads: nothing.
Costs: one call of a Python function an attempt.
Edit: nothing.
"""

hookframe_pure = True


def pre_delivery_attempt():
    return {"action": "normal"}
