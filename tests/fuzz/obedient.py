"""A hook file that returns what it is told to: by a function in its state, or by the attempt."""


def pre_delivery_attempt(attempt, decision, state):
    if "hook" in state:
        return state["hook"](attempt, decision, state)
    return attempt.get("reply")
