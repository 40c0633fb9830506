"""Warm up a new VirtualMTA: give it a share of the mail that grows day by day.

Why: a new address has no reputation, and one that sends much on its first day gets a bad one.
Does: sends a share of the messages of one VirtualMTA by the new one, from a given day on; the share
    of each day stands in a list. A hash of the recipient decides: who has moved stays.
Reads: `mtaid`, `recipient`; the clock; no file.
Costs: for the messages of that VirtualMTA a hash an attempt, some two microseconds; no memory.
Edit: `FROM`, `TO`, `FIRST_DAY`, `PERCENTAGES`.
Mind: a share is no number of messages. Look at yesterday's volume before you write the
    percentages. A day ends at midnight UTC.
"""

from datetime import date
from hashlib import blake2b
from time import time

FROM = "old-pool"
"""the VirtualMTA whose mail is shared"""
TO = "new-pool"
"""the new one"""
FIRST_DAY = date(2026, 11, 2)
"""the day of the first percentage"""
PERCENTAGES = [0.5, 1, 2, 4, 8, 15, 30, 50, 75, 100]
"""the share of the new one, in percent, day by day; the last one goes on for ever"""

DAY = 24 * 60 * 60
START = (FIRST_DAY - date(1970, 1, 1)).days
if sorted(PERCENTAGES) != PERCENTAGES or not 0 <= PERCENTAGES[0] <= PERCENTAGES[-1] <= 100:
    raise ValueError("PERCENTAGES: numbers from 0 to 100, none below the one before it")


def percentage(now):
    """Give the share of the new VirtualMTA at a time in UNIX seconds."""
    day = int(now // DAY) - START
    return 0 if day < 0 else PERCENTAGES[min(day, len(PERCENTAGES) - 1)]


def position(recipient):
    """Give a recipient a place of its own between 0 and 100, the same one each time."""
    name = f"{TO}\n{recipient.lower()}".encode("utf-8", "surrogatepass")
    return int.from_bytes(blake2b(name, digest_size=6).digest()) * 100 / 2**48


def pre_delivery_attempt(attempt):
    if attempt["mtaid"] != FROM or position(attempt["recipient"]) >= percentage(time()):
        return None
    reason = f"{percentage(time())} % of {FROM}"
    return {"action": "new_mtaid", "new_mtaid": TO, "reason": reason}
