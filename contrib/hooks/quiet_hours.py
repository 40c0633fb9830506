"""Hold mail back while it is night where its recipient lives.

Why: a newsletter that arrives at three in the morning is not read, and causes complaints.
Does: defers mail to the domains in the table during the quiet hours of their time zone. Summer time
    is followed, and the hours may go past midnight.
Reads: `recipient`, `sendid`; the clock; no file, but for the system's time zones at the start.
Costs: two look-ups in tables an attempt, and one conversion of a time where there is an entry.
Edit: `HOURS`, `ZONES`, `AT_ANY_TIME`.
Mind: the MTA tries again when it likes to, so mail leaves some time after the quiet hours. The
    system needs the time zones' data (Debian: tzdata).
"""

from datetime import datetime, time
from zoneinfo import ZoneInfo

HOURS = (time(21, 30), time(8))
"""the first moment of the quiet hours, and the first one after them"""
ZONES = {
    "example.com": "America/New_York",
    ".de": "Europe/Berlin",
    ".jp": "Asia/Tokyo",
}
"""the time zone by recipient domain, in lower case; ".de" is every domain below de without an entry
of its own"""
AT_ANY_TIME = {"receipts", "passwords"}
"""SendIDs that never wait"""

BEGIN, END = HOURS
CLOCKS = {domain: ZoneInfo(zone) for domain, zone in ZONES.items()}


def clock_of(recipient):
    """Find the time zone of a recipient; None where there is no entry."""
    _, at, domain = recipient.rpartition("@")
    domain = domain.lower().removesuffix(".") if at else ""
    _, dot, top = domain.rpartition(".")
    return CLOCKS.get(domain) or CLOCKS.get(dot + top)


def is_quiet(now):
    """Say whether a time of the day is in the quiet hours, which may go past midnight."""
    if BEGIN <= END:
        return BEGIN <= now < END
    return now >= BEGIN or now < END


def pre_delivery_attempt(attempt):
    clock = clock_of(attempt["recipient"])
    if clock is None or attempt["sendid"] in AT_ANY_TIME:
        return None
    if is_quiet(datetime.now(clock).time()):
        return {"action": "pause", "message": f"Quiet hours until {END:%H:%M}, {clock.key}"}
    return None
