"""The policy of the Exim comparison in Python: GreenArrow's two examples as a hook file."""

from pathlib import Path
from time import time


def pre_delivery_attempt(attempt, state):
    if abs(state.get("last_read_time", 0) - time()) > 3:
        lines = Path("BLACKLIST").read_text(encoding="utf-8").splitlines()
        state["recipient_blacklist"] = {line.strip().lower() for line in lines}
        state["last_read_time"] = time()
    if attempt["recipient"].lower() in state["recipient_blacklist"]:
        return {"action": "dump", "message": "This address is on an internal blacklist. (#5.7.1)"}
    if attempt["sendid"] == "trans170101":
        return {"action": "new_mtaid", "new_mtaid": "smtp1-3"}
    return None
