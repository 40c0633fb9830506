"""Defer the mail to a destination until a given time.

Why: a provider is down until Monday, or has asked you to stop for a day. Trying again and again
    does your reputation no good, and fills the log.
Does: defers what is for a domain in the table until the time that stands there. After it the entry
    does nothing, and may be taken out whenever you like.
Reads: `recipient`; the clock; no file.
Costs: one look-up in a table an attempt.
Edit: `UNTIL`.
Mind: the MTA's own limits go on. A message that gets too old while it waits is bounced by the MTA.
"""

from datetime import datetime
from time import time

UNTIL = {
    "slow.example": "2030-11-25T06:00+01:00",
    "müller.example": "2030-11-25T06:00+01:00",
    "xn--mller-kva.example": "2030-11-25T06:00+01:00",
}
"""the time by recipient domain, in lower case, with the offset from UTC. Mail may spell a domain
that has letters beyond ASCII in either of two ways: list both"""


def moment(domain):
    """Give the time as UNIX seconds."""
    time_of_day = datetime.fromisoformat(UNTIL[domain])
    if time_of_day.tzinfo is None:
        raise ValueError(f"UNTIL of {domain}: {UNTIL[domain]} lacks its offset, such as +01:00")
    return time_of_day.timestamp()


ENDS = {domain: moment(domain) for domain in UNTIL}


def domain_of(address):
    """Give the domain as the table has it: in lower case, with no dot at its end."""
    _, at, domain = address.rpartition("@")
    return domain.lower().removesuffix(".") if at else ""


def pre_delivery_attempt(attempt):
    domain = domain_of(attempt["recipient"])
    if time() < ENDS.get(domain, 0):
        return {"action": "pause", "message": f"Mail to {domain} waits until {UNTIL[domain]}"}
    return None
