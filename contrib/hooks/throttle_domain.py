"""Limit how many attempts a minute are made at a destination.

Why: a provider answers that you send too fast, and the MTA's own limits do not know this domain.
Does: lets so many attempts a minute through to each domain in the table, evenly spread but for a
    small burst, and defers the others.
Reads: `recipient`; the clock; `state`; no file.
Costs: one look-up in a table an attempt; a number in `state` for each domain of the table.
Edit: `PER_MINUTE`, `BURST`.
Mind: it counts attempts, whatever becomes of them, and starts again at each change of the policy.
    With more than one of hookframe's `workers` each counts for itself. An MTA that can limit by
    itself does it better: a deferred message waits for as long as the MTA thinks fit.
"""

from time import monotonic_ns

PER_MINUTE = {
    "small.example": 30,
}
"""the attempts a minute by recipient domain, in lower case"""
BURST = 5
"""how many may follow one another at once"""

MINUTE = 60_000_000_000  # in nanoseconds, which add up without rounding
if BURST < 1 or any(limit <= 0 for limit in PER_MINUTE.values()):
    raise ValueError("PER_MINUTE and BURST: numbers above zero; pause_until stops a domain")
GAPS = {domain: round(MINUTE / limit) for domain, limit in PER_MINUTE.items()}


def domain_of(address):
    """Give the domain as the table has it: in lower case, with no dot at its end."""
    _, at, domain = address.rpartition("@")
    return domain.lower().removesuffix(".") if at else ""


def pre_delivery_attempt(attempt, state):
    domain = domain_of(attempt["recipient"])
    gap = GAPS.get(domain)
    if gap is None:
        return None
    key, now = f"throttle_domain.{domain}", monotonic_ns()
    due = max(state.get(key, now), now)  # its turn, if all were evenly spread
    if due - now > (BURST - 1) * gap:
        return {"action": "pause", "message": f"At most {PER_MINUTE[domain]} a minute to {domain}"}
    state[key] = due + gap
    return None
