"""Bounce what is too old to be of use: a password that has expired, yesterday's offer.

Why: a message that arrives too late does more harm than one that does not arrive.
Does: bounces the messages of the SendIDs in the table that were injected longer ago than it says.
    What is exactly as old as it may be is still delivered.
Reads: `sendid`, `injtime`; the clock; no file.
Costs: one look-up in a table an attempt.
Edit: `LONGEST`, `NO_QUEUE_IS_THAT_OLD`.
Mind: a bounce can't be taken back, and a clock may be wrong. A message from the future counts as
    new. One that is older than any queue keeps mail (an `injtime` of 0, say, or a clock that has
    jumped ahead) is deferred instead, until you have looked.
"""

from datetime import timedelta
from time import time

LONGEST = {
    "passwords": timedelta(minutes=15),
    "daily-offer": timedelta(days=1),
}
"""how old a message may be, by SendID"""
NO_QUEUE_IS_THAT_OLD = timedelta(days=30)
"""an age that no message can have, so that one of the two clocks must be wrong"""

SECONDS = {sendid: age.total_seconds() for sendid, age in LONGEST.items()}
IMPOSSIBLE = NO_QUEUE_IS_THAT_OLD.total_seconds()
if not all(0 < seconds < IMPOSSIBLE for seconds in SECONDS.values()):
    raise ValueError("LONGEST: each age must be above zero and below NO_QUEUE_IS_THAT_OLD")


def pre_delivery_attempt(attempt):
    longest = SECONDS.get(attempt["sendid"])
    if longest is None:
        return None
    now, injected = time(), attempt["injtime"]
    if injected >= now - longest:
        return None
    if injected < now - IMPOSSIBLE:
        return {"action": "pause", "message": "Its time of injection can't be right"}
    age = f"{(now - injected) / 60:.0f} min old, at most {longest / 60:.0f} for its SendID"
    return {"action": "dump", "message": "Too old to be of use", "reason": age}
